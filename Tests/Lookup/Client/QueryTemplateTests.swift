import Testing

@testable import Lookup

/// pgsql_table(5): what the letters after `%` stand for, and which keys ask nothing.
@Suite struct QueryTemplateTests {
    static let queries: [(String, String, String?)] = [
        ("%s", "k", "k"), ("%%%s", "k", "%k"),
        ("%u at %d", "user@example.com", "user at example.com"),
        ("%u", "user", "user"), ("%u", "@example.com", nil), ("%d", "user", nil), ("%d", "user@", nil),
        ("%u|%d", "a@b@c.d", "a@b|c.d"),
        ("%1 %2 %3", "u@mail.example.com", "com example mail"), ("%3", "u@example.com", nil), ("%1", "com", nil),
        ("%S %U %D", "u@d", "u@d u d"),
    ]

    @Test(arguments: queries) func makesQueries(_ template: String, _ key: String, _ query: String?) throws {
        let parts = AddressParts(Array(key.utf8))
        let template = try #require(QueryTemplate(template, isQuery: true))
        let text = template.accepts(parts) ? template.expand(parts, key: parts, quote: { $0 })?.text : nil
        #expect(text == query)
    }

    @Test(arguments: ["%x", "%0", "50%", "% s"]) func otherLettersAreMistakes(_ template: String) {
        #expect(QueryTemplate(template, isQuery: true) == nil)
    }

    static let results: [(String, String, String?)] = [
        ("%s", "v", "v"), ("%s", "", nil), ("smtp:[%s]", "h", "smtp:[h]"), ("%u", "a@b", "a"), ("%u", "@b", nil),
        ("%d", "a@b", "b"), ("%d", "a", nil), ("%s %U %2", "v", "v key example"),
    ]

    @Test(arguments: results) func formatsResults(_ template: String, _ value: String, _ result: String?) throws {
        let template = try #require(QueryTemplate(template, isQuery: false))
        let key = AddressParts(Array("key@example.com".utf8))
        #expect(template.expand(AddressParts(Array(value.utf8)), key: key, quote: { $0 })?.text == result)
    }

    @Test func whatNeedsPartsOfAKeyTakesWholeKeysOnly() throws {
        let partial = ["%s", "%S", "text"].compactMap { QueryTemplate($0, isQuery: true) }
        let whole = ["%u", "%d", "%D", "%1"].compactMap { QueryTemplate($0, isQuery: true) }
        #expect(partial.map(\.needsPartOfKey) == [false, false, false])
        #expect(whole.map(\.needsPartOfKey) == [true, true, true, true])
    }
}
