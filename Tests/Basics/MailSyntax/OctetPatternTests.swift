import MailSyntax
import Testing

@Suite struct OctetPatternTests {
    @Test(arguments: [
        ("127.0.0.2", ["127.0.0.2"], ["127.0.0.3"]),
        ("1.2.[3..11;20].5", ["1.2.3.5", "1.2.11.5", "1.2.20.5"], ["1.2.2.5", "1.2.12.5", "1.2.3.4"]),
        ("[[1;2].3.4.5]", ["1.3.4.5", "2.3.4.5"], ["3.3.4.5"]),
    ])
    func matches(text: String, inside: [String], outside: [String]) throws {
        let pattern = try OctetPattern(text)
        for address in inside.compactMap({ IPAddress($0) }) { #expect(pattern.matches(address)) }
        for address in outside.compactMap({ IPAddress($0) }) { #expect(!pattern.matches(address)) }
        let six = try #require(IPAddress("::1"))
        #expect(!pattern.matches(six))
    }

    @Test(arguments: [
        ("1.2.3.", "need decimal number 0..255 or \"[\" at \"1.2.3.><\""), ("1.2.3", "need \".\" at \"1.2.3><\""),
        ("1.2.[].4", "need decimal number 0..255 at \"1.2.[>]<.4\""),
        ("1.2.[1-255].5", "need \";\" or \"]\" at \"1.2.[1>-<255].5\""),
        ("1.2.3.[4..1]", "numeric range error at \"1.2.3.[4..>1<]\""),
        ("1.2.3.4x", "garbage after pattern at \"1.2.3.4>x<\""), ("[[1;2].3.4.5", "missing \"]\" character"),
    ])
    func mistakes(text: String, reason: String) {
        #expect(throws: OctetPattern.Problem(reason: reason)) { try OctetPattern(text) }
    }
}
