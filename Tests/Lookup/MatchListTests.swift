import Testing

@testable import Lookup

@Suite struct MatchListTests {
    @Test(arguments: [
        ("example.com", "EXAMPLE.com", false, true), ("example.com", "sub.example.com", false, false),
        ("example.com", "sub.example.com", true, true), (".example.com", "sub.example.com", false, true),
        (".example.com", "example.com", false, false), ("!a.example, .example", "a.example", false, false),
        ("!a.example, .example", "b.example", false, true), ("inline:{example=x}", "a.example", true, true),
        ("inline:{.example=x}", "a.example", false, true), ("regexp:{{/example$/ x}}", "a.example", false, true),
        ("", "a", false, false),
    ])
    func domains(_ list: String, _ name: String, _ parents: Bool, _ matches: Bool) async throws {
        let domains = DomainList(list, name: "relay_domains", opener: TestOpener().opener, parentsMatch: parents)
        #expect(try await domains.matches(name) == matches)
    }

    @Test(arguments: [
        ("168.100.3.0/28", "168.100.3.2", true), ("168.100.3.0/28", "168.100.3.16", false),
        ("[2001:db8::]/64", "2001:db8::1", true), ("[::1]", "::1", true), ("10.0.0.1", "10.0.0.1", true),
        ("!10.0.0.1, 10.0.0.0/8", "10.0.0.1", false), ("!10.0.0.1, 10.0.0.0/8", "10.0.0.2", true),
        ("cidr:{{10.0.0.0/8 x}}", "10.0.0.2", true), ("be.be", "127.0.0.1", false),
    ])
    func networks(_ list: String, _ address: String, _ matches: Bool) async throws {
        let networks = NetworkList(list, name: "mynetworks", opener: TestOpener().opener)
        #expect(try await networks.matches(address: address) == matches)
    }

    @Test(arguments: [
        ("168.100.3.0/98", "bad mask length in \"168.100.3.0/98\""), ("be/be", "bad mask value in \"be/be\""),
        ("fail:1", "fail:1: table lookup problem"),
    ])
    func whatCannotBeMatchedIsAnError(_ list: String, _ text: String) async {
        let test = TestOpener()
        let networks = NetworkList(list, name: "mynetworks", opener: test.opener)
        await #expect(throws: LookupError.self) { try await networks.matches(address: "127.0.0.1") }
        #expect(test.sink.texts == ["warning: mynetworks: \(text)"])
    }

    @Test func filesHoldPatterns() async throws {
        let folder = TableFolder()
        let file = try folder.write("list", "# hosts\nfoo !bar\n  inline:{ { baz = yes } }\n")
        let test = TestOpener()
        let list = NetworkList(file, name: "l", opener: test.opener)
        for (name, matches) in [("foo", true), ("bar", false), ("baz", true), ("qux", false)] {
            #expect(try await list.matches(name: name, address: "192.0.2.1") == matches)
        }
        await #expect(throws: LookupError.self) {
            try await StringList("/none", name: "l", opener: test.opener).matches("x")
        }
        #expect(test.sink.contains("non-existent:/none is unavailable. open file /none: No such file or directory"))
    }
}
