import MailSyntax
import Testing

/// Parsers must survive any bytes: a trap would end the process that reads from the network.
@Suite struct RandomInputTests {
    /// A small generator with a seed, so that a failure can be repeated.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    static let alphabet: [UInt8] =
        Array("ab@.:;,<>()[]\"\\ \t\r\n=+%!-_*019/".utf8) + [0, 0x7F, 0x80, 0xC3, 0xA9, 0xFF]

    @Test(arguments: 0..<16)
    func parsersAreTotal(seed: UInt64) {
        var generator = Generator(state: seed)
        for _ in 0..<1500 {
            let bytes = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
                Self.alphabet.randomElement(using: &generator) ?? 0
            }
            let text = String(decoding: bytes, as: UTF8.self)
            _ = SMTPCommandParser.parse(bytes)
            for token in SMTPTokenizer.tokens(text) { _ = SMTPPath.address(token) }
            _ = IPAddress(text)
            _ = IPAddress.literal(text)
            _ = IPNetwork(text)
            _ = XText.decode(text)
            _ = Base64.decode(bytes)
            _ = Hex.decode(text)
            _ = NetString.decode(bytes, limit: 1000)
            _ = EnhancedStatus.split(text)
            _ = HostName.problem(text, allowWildcard: true)
            _ = HostName.isValidLiteral(text)
            _ = TimeValue.seconds(text)
            _ = HostPort(text)
            _ = AttributeCodec.decode(bytes, as: .null)
            _ = AttributeCodec.decode(bytes, as: .plain)
            _ = AddressText.headerLines(AddressListParser.parse(bytes))
            // Quoting is undone by unquoting, for every address.
            let address = text.utf8.contains(0x5C) || text.utf8.contains(0x22) ? "x" : text
            let domain = EmailAddress.domain(address) ?? ""
            if !domain.utf8.contains(where: { $0 == 0x22 || $0 == 0x5C }) {
                #expect(ASCII.identical(EmailAddress.unquote(EmailAddress.quoted(address)), address))
            }
        }
    }

    @Test(arguments: 0..<4)
    func encodingsAreReversible(seed: UInt64) {
        var generator = Generator(state: seed)
        for length in 0..<64 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
            #expect(
                NetString.decode(NetString.encode(bytes), limit: 64)
                    == .complete(payload: bytes, consumed: NetString.encode(bytes).count))
            if length >= 16, let address = IPAddress(bytes: Array(bytes.prefix(16))) {
                #expect(IPAddress(address.description) == address)
            }
        }
    }
}
