import Testing

@testable import Operate

@Suite struct RawArgumentTests {
    /// In an argument of its own, or behind its option's letter.
    @Test(arguments: [[UInt8]("-q".utf8), []]) func aValueThatIsNoTextIsFound(option: [UInt8]) {
        let octets: [UInt8] = [0x63, 0x61, 0x66, 0xE9]
        let value = String(decoding: octets, as: UTF8.self)
        #expect(RawArgument.find(value, in: option + octets) == octets)
        #expect(RawArgument.find(value, in: option + [0x63]) == nil)
    }
}
