import Testing

@testable import Lookup

@Suite struct AddressLookupTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var table: String
        var address: String
        var strategy: AddressLookup.Strategy = .standard
        var value: String?
        var rest: String?
        var testDescription: String { "\(address) in \(table)" }
    }

    static let cases: [Case] = [
        Case(table: "inline:{u@d=x}", address: "u@d", value: "x"),
        Case(table: "inline:{u@d=x}", address: "u+e@d", value: "x", rest: "+e"),
        Case(table: "inline:{u@d=x, u+e@d=y}", address: "u+e@d", value: "y"),
        // Seen with Postfix: a catch-all takes no extension along.
        Case(table: "inline:{@d=x}", address: "u+e@d", value: "x"),
        Case(table: "inline:{u@d=x, @d=y}", address: "u@d", value: "x"),
        Case(table: "inline:{u=x}", address: "u+e@local", value: "x", rest: "+e"),
        Case(table: "inline:{u=x}", address: "u@remote"),
        Case(table: "inline:{{\"a b\"@d=x}}", address: "a b@d", value: "x"),
        Case(table: "inline:{{a@b@d=x}}", address: "a@b@d", value: "x"),
        Case(table: "inline:{u@=x}", address: "u+e@d", strategy: .access(parentsMatch: true), value: "x", rest: "+e"),
        Case(table: "inline:{example=x}", address: "u@a.b.example", strategy: .access(parentsMatch: true), value: "x"),
        Case(
            table: "inline:{.example=x}", address: "u@a.b.example", strategy: .access(parentsMatch: false), value: "x"),
        Case(table: "inline:{example=x}", address: "u@a.b.example", strategy: .access(parentsMatch: false)),
        // Patterns see the whole address only.
        Case(table: "regexp:{{/^@/ x}}", address: "u@d"),
        Case(table: "regexp:{{/^u@d$/ x}}", address: "u@d", value: "x"),
    ]

    @Test(arguments: cases) func finds(_ test: Case) async throws {
        let match = try await AddressLookup.find(
            maps: TestOpener().maps(test.table), address: test.address, delimiters: "+", strategy: test.strategy
        ) { domain throws(LookupError) in domain == "local" }
        #expect(match?.value == test.value)
        #expect(match?.unmatchedExtension == test.rest)
    }

    @Test(
        arguments: [
            ("inline:{192.0.2=x}", "192.0.2.7", "x"), ("inline:{192.0.2.7=x}", "192.0.2.7", "x"),
            ("inline:{2001:db8=x}", "2001:db8::1", "x"), ("inline:{192.0.2=x}", "192.0.20.7", nil),
            ("cidr:{{192.0.2.0/24 x}}", "192.0.2.7", "x"),
        ] as [(String, String, String?)])
    func clientAddresses(_ table: String, _ address: String, _ value: String?) async throws {
        let lookup = AccessLookup(maps: TestOpener().maps(table), parentsMatch: true)
        #expect(try await lookup.find(address: address) == value)
    }

    @Test(arguments: [("u@a.example", "sub:"), ("u@example", "exact:"), ("u@other", "any:"), ("v@other", "user:")])
    func transports(_ address: String, _ value: String) async throws {
        let maps = TestOpener().maps("inline:{example=exact:, .example=sub:, v@other=user:, *=any:}")
        #expect(try await TransportLookup(maps: maps, delimiters: "+", parentsMatch: false).find(address) == value)
    }
}
