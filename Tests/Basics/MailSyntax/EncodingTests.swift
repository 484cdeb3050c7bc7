import MailSyntax
import Testing

@Suite struct EncodingTests {
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("\u{0}u\u{0}p", "AHUAcA==")])
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(plain.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Z===", "Zh==", "Zm9=", "====", "Zg==Zg==", "Z g=", "Zm\n8="])
    func base64Refuses(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func xtext() {
        #expect(XText.encode("a+b=c d\u{7F}é") == "a+2Bb+3Dc+20d+7F+C3+A9")
        #expect(XText.encodeUTF8("é+") == "é+2B")
        #expect(XText.decode("a+2Bb+3dc") == "a+b=c")
        #expect(XText.decode("a+2") == nil)
        #expect(XText.decode("+zz") == nil)
        #expect(XText.decode("+FF") == nil)
        #expect(Hex.encode([0, 255]) == "00FF")
        #expect(Hex.decode("00fF") == [0, 255])
        #expect(Hex.decode("0") == nil)
    }

    @Test func netstrings() {
        #expect(NetString.encode(Array("hello".utf8)) == Array("5:hello,".utf8))
        #expect(
            NetString.decode(Array("5:hello,x".utf8), limit: 10) == .complete(payload: Array("hello".utf8), consumed: 8)
        )
        #expect(NetString.decode(Array("5:hello".utf8), limit: 10) == .incomplete)
        #expect(NetString.decode(Array("".utf8), limit: 10) == .incomplete)
        #expect(NetString.decode(Array("11:hello".utf8), limit: 10) == .malformed)
        #expect(NetString.decode(Array("5:hello!".utf8), limit: 10) == .malformed)
        #expect(NetString.decode(Array("x".utf8), limit: 10) == .malformed)
        #expect(NetString.decode(Array("99999999999999999999:".utf8), limit: 10) == .malformed)
    }

    @Test(arguments: [AttributeCodec.Form.null, .plain])
    func attributes(form: AttributeCodec.Form) {
        let list = [AttributeCodec.Attribute("request", "smtpd_access_policy"), .init("sender", "")]
        let bytes = AttributeCodec.encode(list, as: form)
        #expect(AttributeCodec.decode(bytes + [1], as: form) == .complete(list, consumed: bytes.count))
        for length in 0..<bytes.count {
            #expect(AttributeCodec.decode(Array(bytes[..<length]), as: form) == .incomplete)
        }
        #expect(AttributeCodec.decode([UInt8](repeating: 65, count: 20), as: form, limit: 10) == .malformed)
    }

    @Test func enhancedStatus() {
        #expect(EnhancedStatus(parsing: "5.1.1 no such user")?.description == "5.1.1")
        #expect(EnhancedStatus("4.7.500")?.withClass(5).description == "5.7.500")
        #expect(EnhancedStatus.split("5.1.1  why")?.text == "why")
        for bad in ["", "5.1", "3.1.1", "5.1.1x", "5.1.1.1", "5..1", "5.1.1000", "55.1.1"] {
            #expect(EnhancedStatus(bad) == nil)
        }
    }

    @Test(arguments: [("1", "s", 1), ("1", "d", 86400), ("5m", "s", 300), ("2W", "s", 1_209_600), ("0", "h", 0)])
    func times(text: String, unit: Character, seconds: Int) {
        #expect(TimeValue.seconds(text, defaultUnit: unit) == seconds)
    }

    @Test(arguments: ["", "d", "1x", "-1", "1 d", "99999999999999999999", "9223372036854775807w", "1dd"])
    func badTimes(text: String) {
        #expect(TimeValue.seconds(text) == nil)
    }

    @Test(
        arguments: [
            ("f.2.3.4", nil), ("1.2f.3.4", nil), ("a_b.c-d", nil), ("", "empty hostname"),
            ("1.2.3.4", "numeric hostname"),
            (".", "misplaced delimiter"), ("a..b", "misplaced delimiter"), ("a.", "misplaced delimiter"),
            ("-aa.b", "misplaced hyphen"), ("aa-.b", "misplaced hyphen"), ("a.bb-", "misplaced hyphen"),
            ("a::b", "invalid character 58(decimal)"),
            ("a.\(String(repeating: "1", count: 64)).b", "hostname label too long"),
            ("123456789012345678901234567890123456789012345678901234567890123", "numeric hostname"),
            ("*.foo.bar", "invalid character 42(decimal)"),
        ] as [(String, String?)])
    func hostNames(name: String, problem: String?) {
        #expect(HostName.problem(name) == problem)
    }

    @Test func wildcardsAndLiterals() {
        #expect(HostName.problem("*.foo.bar", allowWildcard: true) == nil)
        #expect(HostName.problem("*foo.bar", allowWildcard: true) == "'*' can be the first label only")
        #expect(HostName.problem("foo.bar*", allowWildcard: true) == "'*' can be the first label only")
        #expect(HostName.isValidLiteral("[IPv6:::1]"))
        #expect(!HostName.isValidLiteral("[::1]"))
        #expect(!HostName.isValidAddress("0.255.255.255"))
    }

    @Test func hostAndPort() {
        func parts(_ text: String) -> [String]? {
            guard let value = HostPort(text) else { return nil }
            return [value.host, value.port ?? "-"]
        }
        #expect(parts("[hhh]:ppp") == ["hhh", "ppp"])
        #expect(HostPort("hhh")?.port == nil)
        #expect(HostPort("[hhh]:")?.port == nil)
        #expect(parts("[ipv6:::1]:25") == ["::1", "25"])
        #expect(parts("2001:db8::1") == ["2001:db8::1", "-"])
        #expect(HostPort("[hhh") == nil)
        #expect(HostPort("[hhh]x") == nil)
    }
}

@Suite struct UTF8XTextTests {
    /// RFC 6533 §3.
    @Test(
        arguments: [
            (#"refus\x{E9}@x.example"#, "refusé@x.example"), ("é+2B@x", "é+2B@x"), (#"\x{1F600}"#, "😀"),
            (#"\x{}"#, nil),
            (#"\x{D800}"#, nil), (#"\x{E9"#, nil), (#"\y"#, nil), (#"\x{1234567}"#, nil), (#"\x{0A}"#, nil), ("", ""),
        ] as [(String, String?)])
    func escapes(text: String, decoded: String?) { #expect(XText.decodeUTF8(text) == decoded) }
}
