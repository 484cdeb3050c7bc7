import Glibc
import Testing

@testable import Lookup

/// regexp_table(5), pcre_table(5) and cidr_table(5): what is a rule, and what is said of what is none. Debian's postmap says
/// the same.
@Suite struct RuleTableTests {
    static let complaints: [(String, [String])] = [
        (
            "cidr:{{[10.0.0.1]/8 x}}",
            ["non-null host address bits in \"10.0.0.1/8\", perhaps you should use \"10.0.0.0/8\" instead"]
        ),
        ("cidr:{{[::]/129 x}}", ["bad mask length in \"::/129\""]),
        ("cidr:{{host/33 x}}", ["bad mask length in \"host/33\""]),
        ("cidr:{{host/32 x}}", ["bad network value in \"host/32\""]),
        ("cidr:{{h:x/129 x}}", ["bad mask length in \"h:x/129\""]),
        ("cidr:{{10.0.0.0/99999999999999999999 x}}", ["bad mask length in \"10.0.0.0/99999999999999999999\""]),
        ("cidr:{{10.0.0.0/ x}}", ["bad mask value in \"10.0.0.0/\""]),
        ("cidr:{{10.0.0.0/+8 x}}", ["bad mask value in \"10.0.0.0/+8\""]),
        ("cidr:{{010.0.0.0/8 x}}", ["bad network value in \"010.0.0.0/8\""]),
        ("cidr:{{[h] x}}", ["bad address pattern: \"h\""]),
        (
            "regexp:{{/(a)/ $0$x}}",
            ["out-of-range replacement index \"0\"", "non-numeric replacement index \"x\"", "bad replacement syntax"]
        ),
        ("pcre:{{/(a)/ $0}}", ["out of range replacement index \"0\"", "bad replacement syntax"]),
        (
            "pcre:{{/(a)/ $x$(2}}",
            ["non-numeric replacement index \"x\"", "truncated macro reference: \"$x$(2\"", "bad replacement syntax"]
        ),
        ("pcre:{{/(a)/ $x${1}$(2}}", ["non-numeric replacement index \"x\"", "bad replacement syntax"]),
        ("regexp:{{/(a)/ $(1$(1)}}", ["truncated macro reference: \"$(1$(1)\"", "bad replacement syntax"]),
        ("pcre:{{/a/X x}}", ["ignoring obsolete regexp option \"X\""]),
    ]

    @Test(arguments: complaints) func complains(_ table: String, _ wanted: [String]) throws {
        let test = TestOpener()
        _ = try test.opener.openOrThrow(table)
        #expect(test.sink.texts.count == wanted.count, "\(test.sink.texts)")
        for text in wanted { #expect(test.sink.contains(text), "\(text): \(test.sink.texts)") }
    }

    /// A match that the library gives up counts neither as one nor as none.
    @Test func aMatchThatIsGivenUpDecidesNothing() async throws {
        let key = String(repeating: "a", count: 60) + "!"
        for rules in ["{/^(a+)+$/ x}", "{!/^((a+)+)+$/ x}", "{if !/^((a+)+)+$/} {/./ x} {endif}"] {
            let test = TestOpener()
            let table = try test.opener.openOrThrow("pcre:{\(rules) {/!/ last}}")
            #expect(try await table.find(key) == "last", "\(rules)")
            #expect(
                test.sink.texts.count == 1 && test.sink.contains(", line 1: match limit exceeded"), "\(test.sink.texts)"
            )
        }
    }

    /// local(8) and virtual(8), SECURITY.
    @Test func whereAnswersGrantRightsNobodyElseGivesThem() async throws {
        let options = TableOptions.privileged
        for (name, kind) in [
            ("tcp:127.0.0.1:1", "security sensitive"), ("socketmap:inet:127.0.0.1:1:m", "security-sensitive"),
            ("memcache:/none", "security-sensitive"),
        ] {
            let wanted = TableOpenError("\(name) map is not allowed for \(kind) data")
            #expect(throws: wanted) { try TestOpener().opener.openOrThrow(name, options: options) }
            #expect(throws: wanted) { try TestOpener().opener.openOrThrow("unionmap:{\(name)}", options: options) }
            #expect(throws: wanted) { try TestOpener().opener.openOrThrow("proxy:\(name)", options: options) }
        }
        let test = TestOpener { $0.proxyReadMaps = [] }
        #expect(try await test.opener.openOrThrow("proxy:static:x", options: options).find("k") == "x")
        #expect(try await test.opener.openOrThrow("regexp:{{/(.)/ $1} {/./ x}}", options: options).find("k") == "x")
        #expect(test.sink.contains("regular expression substitution is not allowed: skipping this rule"))
    }

    @Test func aTableBelongsToTheOwnerOfItsFile() throws {
        guard geteuid() == 0 else { return }
        let folder = TableFolder()
        let file = try folder.write("t", "a b\n")
        chown(file, 65_534, 65_534)
        for (name, owner) in [
            ("static:x", TableOwner.trusted), ("texthash:\(file)", .user(65_534)), ("cidr:\(file)", .user(65_534)),
            ("unionmap:{static:x, texthash:\(file)}", .user(65_534)), ("proxy:texthash:\(file)", .user(65_534)),
            ("pipemap:{texthash:\(file), static:x}", .user(65_534)), ("debug:texthash:\(file)", .user(65_534)),
        ] {
            #expect(try TestOpener().opener.openOrThrow(name, options: [.utf8]).owner == owner, "\(name)")
        }
        #expect(TestOpener().opener.open("texthash:/none").owner == .unknown)
        #expect(TableOwner.joined([.user(1), .trusted, .user(1)]) == .user(1))
        #expect(TableOwner.joined([.user(1), .user(2)]) == .unknown)
    }
}
