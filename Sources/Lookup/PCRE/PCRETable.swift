import CPCRE2
import Glibc

/// `pcre:/path` and `pcre:{ {rule} … }`: Perl-compatible regular expressions (pcre_table(5)).
struct PCRETable: ImmediateTable {
    let name: String
    let owner: TableOwner
    private let rules: PatternRules<PerlPattern>

    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let dialect = PCREDialect(library: try PCRELibrary.load(), utf8: request.options.contains(.utf8))
        let text = try RuleText(request)
        var reader = PatternReader(dialect, text, request.options)
        return PCRETable(name: "\(request.specification)", owner: text.owner, rules: reader.read())
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { rules.find(key) }
}

struct PCREDialect: PatternDialect {
    let library: PCRELibrary
    let utf8: Bool

    static var missingDelimiterSuffix: String { "ignoring this rule" }
    static var allowsSecondPattern: Bool { false }
    static var outOfRange: String { "out of range" }

    /// PCRE 1's "extra": PCRE2 always takes unknown escapes for errors.
    static func isObsolete(_ flag: UInt8) -> Bool { flag == UInt8(ascii: "X") }

    private static let flags: [UInt8: UInt32] = [
        UInt8(ascii: "i"): PCRE2_CASELESS, UInt8(ascii: "m"): PCRE2_MULTILINE, UInt8(ascii: "s"): PCRE2_DOTALL,
        UInt8(ascii: "x"): PCRE2_EXTENDED, UInt8(ascii: "A"): PCRE2_ANCHORED,
        UInt8(ascii: "E"): PCRE2_DOLLAR_ENDONLY, UInt8(ascii: "U"): PCRE2_UNGREEDY,
    ]

    static func knows(_ flag: UInt8) -> Bool { flags[flag] != nil }

    /// Each flag toggles: by default case is ignored and a dot matches newlines.
    func compile(_ pattern: ArraySlice<UInt8>, flags: [UInt8]) throws(TableOpenError) -> PerlPattern {
        var options = PCRE2_CASELESS | PCRE2_DOTALL | (utf8 ? PCRE2_UTF : 0)
        for flag in flags { options ^= Self.flags[flag] ?? 0 }
        let literals =
            options & PCRE2_EXTENDED != 0
            ? nil : RequiredLiterals.find(pattern, .perl, anchors: options & PCRE2_MULTILINE == 0)
        return try PerlPattern(library, Array(pattern), options: options, literals: literals)
    }
}

/// A pattern of PCRE2, compiled to machine code where the library can.
///
/// `@unchecked Sendable`: pcre2_code is not modified after it was compiled (pcre2api(3), "multithreading").
final class PerlPattern: CompiledPattern, @unchecked Sendable {
    private let library: PCRELibrary
    private let code: OpaquePointer
    let groupCount: Int
    let literals: RequiredLiterals?

    init(
        _ library: PCRELibrary, _ pattern: [UInt8], options: UInt32, literals: RequiredLiterals?
    ) throws(TableOpenError) {
        var status: CInt = 0
        var offset = 0
        guard let code = library.compile(pattern, pattern.count, options, &status, &offset, nil) else {
            throw TableOpenError("error in regex at offset \(offset): \(library.text(status))")
        }
        // Fails where no machine code can be made; matching then interprets.
        _ = library.compileToMachineCode(code, PCRE2_JIT_COMPLETE)
        var count: UInt32 = 0
        _ = library.information(code, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
        self.library = library
        self.code = code
        groupCount = Int(count)
        self.literals = literals
    }

    deinit { library.freeCode(code) }

    /// A key, and where the library puts what matched.
    final class Subject {
        fileprivate let key: [UInt8]
        fileprivate let data: OpaquePointer?
        fileprivate let options: UInt32
        private let library: PCRELibrary?

        init(_ key: [UInt8], groupCount: Int) {
            self.key = key
            // Without the library there are no patterns to try.
            library = try? PCRELibrary.load()
            data = library?.createData(UInt32(clamping: groupCount + 1), nil)
            // Checked once, not for each pattern.
            options = Utf8Text.isValid(key) ? PCRE2_NO_UTF_CHECK : 0
        }

        deinit { library?.freeData(data) }
    }

    static func subject(_ key: [UInt8], groupCount: Int) -> Subject { Subject(key, groupCount: groupCount) }

    /// PCRE2's own limits on backtracking end a match that runs away.
    func match(_ subject: Subject, captures: Bool) throws(PatternFailure) -> [Range<Int>?]? {
        guard let data = subject.data else { throw PatternFailure(reason: String(cString: strerror(ENOMEM))) }
        let count = library.match(code, subject.key, subject.key.count, 0, subject.options, data, nil)
        if count == PCRE2_ERROR_NOMATCH { return nil }
        guard count > 0 else { throw PatternFailure(reason: library.text(count)) }
        guard captures, let offsets = library.offsets(data) else { return [] }
        return (0..<Int(count)).map { group in
            let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
            return start == Int.max || start < 0 || end < start ? nil : start..<end
        }
    }
}
