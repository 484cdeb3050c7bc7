import Testing

@testable import Send

@Suite struct DeliveryVolumeTests {
    private let second: UInt64 = 1_000_000_000

    @Test func twentyInASecondAreManyAndKeepBeingSo() {
        var volume = DeliveryVolume<String>()
        let step = second / 25
        var now: UInt64 = 5
        for _ in 1..<20 {
            #expect(!volume.record("a", now: now))
            now += step
        }
        for _ in 0..<100 {
            #expect(volume.record("a", now: now))
            now += step
        }
        // Another destination has its own count, and a rest ends the rush.
        #expect(!volume.record("b", now: now))
        #expect(!volume.record("a", now: now + 3 * second))
    }

    @Test func tenInASecondAreNotMany() {
        var volume = DeliveryVolume<String>()
        for number in 0..<1000 { #expect(!volume.record("a", now: UInt64(number) * second / 10)) }
    }

    @Test func remembersALimitedNumber() {
        var volume = DeliveryVolume<Int>(limit: 100)
        for number in 0..<10_000 { #expect(!volume.record(number, now: UInt64(number))) }
        for _ in 1..<20 { _ = volume.record(1, now: second) }
        #expect(volume.record(1, now: second + 1))
    }
}
