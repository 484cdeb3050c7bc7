import Testing

@testable import Lookup

/// The index of the text that patterns require must never change an answer.
@Suite struct LiteralIndexTests {
    static let required: [(String, RequiredLiterals.Syntax, [String]?)] = [
        ("^Subject: offer", .posix, ["^subject: offer"]),
        ("viagra", .perl, ["viagra"]),
        ("a.bcd", .perl, ["bcd"]),
        ("(foo|bar)baz?", .posix, ["foo", "bar"]),
        ("foo|^barn", .perl, ["foo", "^barn"]),
        ("foo|b?", .perl, nil),
        ("(foo)?", .posix, nil),
        ("(foo)*bar", .posix, ["bar"]),
        ("ab+cde", .posix, ["bcde"]),
        ("ab*cde", .posix, ["cde"]),
        ("abc{0}", .posix, ["ab"]),
        ("abc{2,}", .posix, ["abc"]),
        ("ab+?", .posix, nil),
        ("ab+?", .perl, ["ab"]),
        ("[]a]xyz", .posix, ["xyz"]),
        ("[\\]]xyz", .posix, ["]xyz"]),
        ("[\\]]xyz", .perl, ["xyz"]),
        ("[[:alpha:]]xyz", .perl, ["xyz"]),
        ("x\\.com", .posix, ["x.com"]),
        ("\\bword\\b", .perl, ["word"]),
        ("\\x41bcd", .perl, nil),
        ("(?i)word", .perl, nil),
        ("(?:word)", .perl, ["word"]),
        ("(?!word)", .perl, nil),
        ("(?=ab)cd|ef", .perl, nil),
        ("\\Qa|b\\E", .perl, nil),
        ("(a)\\12bc", .perl, ["bc"]),
        ("é", .perl, nil),
        ("a", .perl, nil),
        ("", .perl, nil),
        ("ab)", .posix, nil),
        ("((((ab", .posix, nil),
    ]

    @Test(arguments: required)
    func findsWhatAPatternRequires(_ pattern: String, _ syntax: RequiredLiterals.Syntax, _ texts: [String]?) {
        let found = RequiredLiterals.find(Array(pattern.utf8)[...], syntax, anchors: true)
        #expect(found?.choices.map { ($0.atStart ? "^" : "") + $0.text.text } == texts)
    }

    @Test func aNestOfGroupsIsGivenUp() {
        let pattern = Array((String(repeating: "(", count: 100_000) + "ab").utf8)
        #expect(RequiredLiterals.find(pattern[...], .perl, anchors: true) == nil)
    }

    /// Many rules, of which each alone is tried as the measure: without an index.
    @Test(arguments: ["pcre", "regexp"], 0..<40)
    func aTableOfManyRulesAnswersAsTheRulesDoOneByOne(_ type: String, _ seed: Int) async throws {
        var random = Generator(state: UInt64(seed) &* 7_919 &+ 12_345)
        let pieces = [
            "a", "b", "ab", "foo", "bar", "K", "s", ".", "^", "$", "(a|b)", "(foo|ba)", "(x)?", "[ab]", "x*", "b+",
            "o?",
            "@", "\\.", "\\/", "fo{2}", "(a|)", "k", "\\b", "[[:alpha:]]", "é", "oo", "a{0,2}",
        ]
        let rules = (0..<30).map { number -> String in
            let pattern = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            let flags = ["", "", "i", "m"][Int.random(in: 0..<4, using: &random)]
            let negated = Int.random(in: 0..<8, using: &random) == 0 ? "!" : ""
            return "{\(negated)/\(pattern.joined())/\(flags) r\(number)}"
        }
        let options: TableOptions = [.foldKeys, .utf8]
        let table = try TestOpener().opener.openOrThrow("\(type):{\(rules.joined(separator: " "))}", options: options)
        let single = try rules.map { try TestOpener().opener.openOrThrow("\(type):{\($0)}", options: options) }
        let texts = ["a", "b", "foo", "bar", "x", "@", ".", "/", "K", "\u{212A}", "ſ", "é", "o", "\n", "S"]
        for _ in 0..<60 {
            let key = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                texts[Int.random(in: 0..<texts.count, using: &random)]
            }.joined()
            var expected: String?
            for rule in single {
                expected = try await rule.find(key)
                if expected != nil { break }
            }
            let found = try await table.find(key)
            #expect(found == expected, "key \(key) of \(rules)")
        }
    }

    /// A reproducible source of randomness (SplitMix64).
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
    }

    @Test func blocksKeepTheirConditions() async throws {
        let fill = "{/filler1/ f} {/filler2/ f} {/filler3/ f} {/filler4/ f}"
        let rules = "{if /^sub/} {/subject/ inner} {endif} {if !/nope/} {/other/ second} {endif} {!/word/ last}"
        let table = try TestOpener().opener.openOrThrow("regexp:{\(fill) \(rules)}")
        #expect(try await table.find("subject") == "inner")
        #expect(try await table.find("a subject word") == nil)
        #expect(try await table.find("a subject") == "last")
        #expect(try await table.find("another word") == "second")
        #expect(try await table.find("another nope word") == nil)
    }
}
