import Testing

@testable import Deliver

@Suite struct LineTransformerTests {
    @Test(arguments: [1, 2, 3, 5, 1000]) func chunksOfAnySizeGiveTheSame(size: Int) {
        let text = "From a\nFro\n.x\n\nFrom\nfrom From \nFrom "
        var transformer = LineTransformer(quotesFrom: true, doublesDots: true, eol: Array("\r\n".utf8))
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            output += transformer.transform(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        output += transformer.finish()
        #expect(
            String(decoding: output, as: UTF8.self)
                == ">From a\r\nFro\r\n..x\r\n\r\nFrom\r\nfrom From \r\n>From ")
    }
}
