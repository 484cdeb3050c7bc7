import Glibc
import MailSystem

/// `regexp:/path` and `regexp:{ {rule} … }`: POSIX regular expressions (regexp_table(5)).
struct RegexpTable: ImmediateTable {
    let name: String
    let owner: TableOwner
    private let rules: PatternRules<POSIXPattern>

    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let text = try RuleText(request)
        var reader = PatternReader(RegexpDialect(), text, request.options)
        return RegexpTable(name: "\(request.specification)", owner: text.owner, rules: reader.read())
    }

    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? { rules.find(key) }
}

struct RegexpDialect: PatternDialect {
    static var missingDelimiterSuffix: String { "skipping this rule" }
    static var allowsSecondPattern: Bool { true }
    static var outOfRange: String { "out-of-range" }

    static func isObsolete(_ flag: UInt8) -> Bool { false }

    static func knows(_ flag: UInt8) -> Bool {
        flag == UInt8(ascii: "i") || flag == UInt8(ascii: "m") || flag == UInt8(ascii: "x")
    }

    /// Each flag toggles: by default case is ignored, the syntax is extended, newlines are not special.
    func compile(_ pattern: ArraySlice<UInt8>, flags: [UInt8]) throws(TableOpenError) -> POSIXPattern {
        var options = REG_EXTENDED | REG_ICASE
        for flag in flags {
            switch flag {
            case UInt8(ascii: "i"): options ^= REG_ICASE
            case UInt8(ascii: "x"): options ^= REG_EXTENDED
            default: options ^= REG_NEWLINE
            }
        }
        let literals =
            options & REG_EXTENDED == 0
            ? nil : RequiredLiterals.find(pattern, .posix, anchors: options & REG_NEWLINE == 0)
        return try POSIXPattern(pattern, options: options, literals: literals)
    }
}

/// A pattern of regcomp(3).
///
/// `@unchecked Sendable`: written once here; regexec(3) may run on it in many threads at once.
final class POSIXPattern: CompiledPattern, @unchecked Sendable {
    private let compiled: UnsafeMutablePointer<regex_t>
    let literals: RequiredLiterals?

    init(_ pattern: ArraySlice<UInt8>, options: CInt, literals: RequiredLiterals?) throws(TableOpenError) {
        let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        compiled.initialize(to: regex_t())
        let text = pattern.map { CChar(bitPattern: $0) } + [0]
        let status = regcomp(compiled, text, options)
        if status != 0 {
            let text = Self.text(status, compiled)
            compiled.deallocate()
            throw TableOpenError(text)
        }
        self.compiled = compiled
        self.literals = literals
    }

    deinit {
        regfree(compiled)
        compiled.deallocate()
    }

    private static func text(_ status: CInt, _ compiled: UnsafeMutablePointer<regex_t>) -> String {
        var message = [CChar](repeating: 0, count: 512)
        regerror(status, compiled, &message, message.count)
        return String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// REG_NOMATCH of regex.h, an enumerator that Swift does not import.
    private static let noMatch: CInt = 1

    private func isMatch(_ status: CInt) throws(PatternFailure) -> Bool {
        if status == 0 { return true }
        if status == Self.noMatch { return false }
        throw PatternFailure(reason: Self.text(status, compiled))
    }

    var groupCount: Int { compiled.pointee.re_nsub }

    /// The key as a C string.
    static func subject(_ key: [UInt8], groupCount: Int) -> [CChar] { key.map { CChar(bitPattern: $0) } + [0] }

    func match(_ subject: [CChar], captures: Bool) throws(PatternFailure) -> [Range<Int>?]? {
        guard captures else { return try isMatch(regexec(compiled, subject, 0, nil, 0)) ? [] : nil }
        var matches = [regmatch_t](repeating: regmatch_t(), count: groupCount + 1)
        guard try isMatch(regexec(compiled, subject, matches.count, &matches, 0)) else { return nil }
        return matches.map { match in
            match.rm_so < 0 || match.rm_eo < match.rm_so ? nil : Int(match.rm_so)..<Int(match.rm_eo)
        }
    }
}
