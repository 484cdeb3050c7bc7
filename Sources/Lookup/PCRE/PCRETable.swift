import CPCRE2

/// `pcre:/path` and `pcre:{ {rule} … }`: Perl-compatible regular expressions (pcre_table(5)).
struct PCRETable: ImmediateTable {
    let name: String
    private let rules: PatternRules<PerlPattern>

    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let dialect = PCREDialect(library: try PCRELibrary.load(), utf8: request.options.contains(.utf8))
        var reader = PatternReader(dialect, try RuleText(request), request.options)
        return PCRETable(name: "\(request.specification)", rules: reader.read())
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { rules.find(key) }
}

struct PCREDialect: PatternDialect {
    let library: PCRELibrary
    let utf8: Bool

    static var missingDelimiterSuffix: String { "ignoring this rule" }
    static var allowsSecondPattern: Bool { false }

    private static let flags: [UInt8: UInt32] = [
        UInt8(ascii: "i"): PCRE2_CASELESS, UInt8(ascii: "m"): PCRE2_MULTILINE, UInt8(ascii: "s"): PCRE2_DOTALL,
        UInt8(ascii: "x"): PCRE2_EXTENDED, UInt8(ascii: "A"): PCRE2_ANCHORED,
        UInt8(ascii: "E"): PCRE2_DOLLAR_ENDONLY, UInt8(ascii: "U"): PCRE2_UNGREEDY,
        // PCRE 1's "extra": unknown escapes are always errors in PCRE2.
        UInt8(ascii: "X"): 0,
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
            var message = [UInt8](repeating: 0, count: 256)
            _ = library.errorMessage(status, &message, message.count)
            let text = message.prefix { $0 != 0 }.text
            throw TableOpenError("error in regex at offset \(offset): \(text)")
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

    /// PCRE2's own limits on backtracking end a match that runs away; it then counts as none, as in Postfix.
    func match(_ subject: Subject, captures: Bool) -> [Range<Int>?]? {
        guard let data = subject.data else { return nil }
        let count = library.match(code, subject.key, subject.key.count, 0, subject.options, data, nil)
        guard count > 0 else { return nil }
        guard captures, let offsets = library.offsets(data) else { return [] }
        return (0..<Int(count)).map { group in
            let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
            return start == Int.max || start < 0 || end < start ? nil : start..<end
        }
    }
}
