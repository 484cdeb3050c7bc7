import MailSystem
import TestSupport
import Testing

@testable import Lookup

@Suite struct TableTypeTests {
    static let lookups: [(String, String, String?)] = [
        ("inline:{ a=1, {b = two words} }", "A", "1"),
        ("inline:{ a=1, {b = two words} }", "b", "two words"),
        ("inline:{ a=1 }", "c", nil),
        ("inline:{ a\\=b=1 }", "a\\=b", "1"),
        ("inline:{ {\"a=b c\" = 1} }", "\"a=b c\"", "1"),
        ("static:x", "anything", "x"),
        ("static:{ x y }", "anything", "x y"),
        ("regexp:{{/^(a+)(b*)$/ 1=$1 2=${2} $$}}", "AAB", "1=AA 2=B $"),
        ("regexp:{{/a/!/b/ only a}}", "ab", nil),
        ("regexp:{{/a/!/b/ only a}}", "ac", "only a"),
        ("regexp:{{if !/x/} {/./ no x} {endif}}", "x", nil),
        ("pcre:{{/^(?<n>g+)h/ named $1}}", "ggh", "named gg"),
        ("pcre:{{/^Case$/i exact}}", "case", nil),
        ("cidr:{{10.0.0.0/8 ten} {10.1.0.0/16 never}}", "10.1.2.3", "ten"),
        ("cidr:{{!10.0.0.0/8 outside} {0.0.0.0/0 any}}", "10.1.2.3", "any"),
        ("cidr:{{!10.0.0.0/8 outside}}", "::1", nil),
        ("cidr:{{if 10.0.0.0/8} {10.1.0.0/16 inner} {endif} {0.0.0.0/0 any}}", "10.2.0.1", "any"),
        ("unionmap:{static:one, inline:{k=two}}", "k", "one,two"),
        ("pipemap:{inline:{k1=v1}, inline:{v1=v2}}", "k1", "v2"),
        ("pipemap:{inline:{k1=v1}, inline:{v1=v2}}", "v1", nil),
        ("unix:passwd.byname", "nobody-at-all", nil),
    ]

    @Test(arguments: lookups) func answers(_ table: String, _ key: String, _ value: String?) async throws {
        #expect(try await TestOpener().opener.openOrThrow(table).find(key) == value)
    }

    /// Patterns that begin with an anchor and could be taken for something else than they are.
    static let anchored: [(String, String, String?)] = [
        ("regexp:{{/^ab|c/ x}}", "zc", "x"),
        ("regexp:{{/^(ab|c)d/ x}}", "cd", "x"),
        ("regexp:{{/^abc*d/ x}}", "abd", "x"),
        ("regexp:{{/^abc?d/ x}}", "ABD", "x"),
        ("regexp:{{/^abc{0}d/ x}}", "abd", "x"),
        ("regexp:{{/^ab+c/ x}}", "abbc", "x"),
        ("regexp:{{/^a\\.b/ x}}", "a.b", "x"),
        ("regexp:{{/^a\\.b/ x}}", "aXb", nil),
        ("regexp:{{/^b/m x}}", "a\nb", "x"),
        ("regexp:{{/^a+b/x x}}", "a+b", "x"),
        ("regexp:{{/^sub/ one} {/x/ two} {/^subject/ three}}", "subject", "one"),
        ("regexp:{{if /^sub/} {/^subj/ inner} {endif} {/^sub/ outer}}", "subject", "inner"),
        ("regexp:{{if /^nope/} {/^sub/ inner} {endif} {/^sub/ outer}}", "subject", "outer"),
        ("regexp:{{!/^sub/ x}}", "other", "x"),
        ("pcre:{{/^b/m x}}", "a\nb", "x"),
        ("pcre:{{/^a b/x x}}", "ab", "x"),
        ("pcre:{{/^\\Qa(\\E|c/ x}}", "c", "x"),
        ("pcre:{{/^a(?# ( )|c/ x}}", "c", "x"),
        ("pcre:{{/^[(]a|c/ x}}", "c", "x"),
        ("pcre:{{/^a\\d/ x}}", "a1", "x"),
        ("pcre:{{/^ask/ x}}", "ASK", "x"),
    ]

    @Test(arguments: anchored) func anchorsAreOnlyAHint(_ table: String, _ key: String, _ value: String?) async throws {
        #expect(try await TestOpener().opener.openOrThrow(table, options: [.foldKeys, .utf8]).find(key) == value)
    }

    @Test func lettersThatFoldToASCIIMatchBehindAnAnchor() async throws {
        let table = try TestOpener().opener.openOrThrow("pcre:{{/^ask/ x}}", options: [.foldKeys, .utf8])
        #expect(try await table.find("as\u{212A}") == "x")
    }

    static let mistakes: [(String, String)] = [
        ("debug:", "open dictionary: expecting \"type:name\" form instead of \"debug:\""),
        ("nosuch:x", "unsupported dictionary type: nosuch"),
        ("hash:/none", "open database /none.db: No such file or directory"),
        ("texthash:/none", "open database /none: No such file or directory"),
        ("regexp:/none", "open /none: No such file or directory"),
        ("inline:{ }", "empty table: \"inline:{ }\"; need \"inline:{name=value...}\""),
        ("static:{a", "bad static:name syntax: missing '}' in \"{a\""),
        ("unionmap:{a}", "bad syntax: \"unionmap:{a}\"; need \"unionmap:{type:name...}\""),
        ("unix:x", "unknown table: unix:x"),
    ]

    @Test(arguments: mistakes) func saysWhyATableCannotBeOpened(_ table: String, _ reason: String) {
        #expect(throws: TableOpenError(reason)) { try TestOpener().opener.openOrThrow(table) }
    }

    @Test func aTableThatCannotBeOpenedFailsItsLookups() async {
        let test = TestOpener()
        let maps = test.maps("hash:/none")
        await #expect(throws: LookupError.self) { try await maps.find("k") }
        #expect(
            test.sink.texts == [
                "error: open database /none.db: No such file or directory",
                "warning: hash:/none is unavailable. open database /none.db: No such file or directory",
                "warning: hash:/none lookup error for \"k\"",
            ])
    }

    @Test func anEmptyResultIsAFailure() async {
        let test = TestOpener()
        await #expect(throws: LookupError.self) { try await test.maps("inline:{{k=}}").find("k") }
        #expect(test.sink.contains("inline:{{k=}} lookup of k returns an empty string result"))
    }

    @Test func proxyOpensOnlyWhatIsListed() async throws {
        let test = TestOpener { $0.proxyReadMaps = ["static:x"] }
        #expect(try await test.maps("proxy:static:x").find("k") == "x")
        await #expect(throws: LookupError.self) { try await test.maps("proxy:static:y").find("k") }
        #expect(try await test.maps("proxy:proxy:static:x").find("k") == "x")
    }

    @Test func aCommandIsToldThatProxymapDoesNotKnowATable() {
        let test = TestOpener {
            $0.proxyReadMaps = ["static:x"]
            $0.proxyWriteMaps = []
            $0.isCommand = true
        }
        let read = TableOpenError("proxymap service is not configured for table \"static:y\"")
        #expect(throws: read) { try test.opener.openOrThrow("proxy:static:y") }
        #expect(throws: read) { try test.opener.openOrThrow("unionmap:{proxy:static:y}") }
        let written = TableOpenError("proxywrite service is not configured for table \"static:x\"")
        #expect(throws: written) { try test.opener.openOrThrow("proxy:static:x", options: .writable) }
    }

    @Test func twoProgramsShareATableAndSayThemselvesWhatFailed() async {
        let test = TestOpener()
        let sink = MemoryLogSink()
        let other = test.opener.logging(to: MailLog(tag: "postfix/cleanup", sink: sink))
        _ = try? await Maps("fail:x", opener: test.opener).find("k")
        _ = try? await Maps("fail:x", opener: other).find("l")
        #expect(sink.texts == ["warning: fail:x lookup error for \"l\""])
        #expect(other.openTables.count == 1)
    }

    @Test func keysAreUTF8WhereSMTPUTF8IsOn() async throws {
        let test = TestOpener { $0.utf8 = true }
        let table = test.opener.open("inline:{ größe=1 }")
        #expect(try await table.find("GRÖSSE") == "1")
        #expect(try await table.find("GRÖßE") == "1")
        #expect(try await table.find(octets: [0xFF]) == nil)
        #expect(
            test.sink.texts == [
                "warning: inline:{ größe=1 }: non-UTF-8 key \"?\": malformed UTF-8 or invalid codepoint"
            ])
    }

    @Test(arguments: [("ΣΊΣΥΦΟς", "σίσυφοσ"), ("Straße", "strasse"), ("I", "i"), ("ı", "ı"), ("ABC", "abc")])
    func foldsCase(_ text: String, _ folded: String) {
        #expect(CaseFolding.fold(text).utf8.elementsEqual(folded.utf8))
    }

    @Test func manyNetworksKeepTheFirstRule() async throws {
        var rules = "cidr:{"
        for third in 0..<200 { rules += "{10.\(third % 50).\(third).0/24 \(third)} " }
        let table = try TestOpener().opener.openOrThrow(rules + "{10.0.0.0/8 rest} {10.1.1.0/25 never}}")
        for third in 0..<200 {
            #expect(try await table.find("10.\(third % 50).\(third).77") == "\(third)")
        }
        #expect(try await table.find("10.99.0.1") == "rest")
        #expect(try await table.find("11.0.0.1") == nil)
    }
}
