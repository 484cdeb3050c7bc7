import Glibc
import MailSyntax
import Synchronization

/// Internationalised domain names (UTS 46 without transitional processing), converted by the ICU library, which is
/// loaded when the first such name comes. Results are remembered, failures too.
public final class InternationalDomain: Sendable {
    public static let shared = InternationalDomain()

    public enum Conversion: String, Sendable {
        case ascii = "ASCII"
        case utf8 = "UTF8"
    }

    private struct Key: Hashable {
        let name: String
        let conversion: Conversion
    }

    /// Names come from peers: the cache stays small.
    private static let cacheLimit = 100

    private let library = Mutex<Library?>(nil)
    private let cache = Mutex<[Key: String?]>([:])

    public init() {}

    /// A-labels, checked as a host name; nil for a name that cannot be converted.
    /// - Parameter warn: gets Postfix's warning, when the name is first seen.
    public func ascii(_ name: String, warn: (String) -> Void = { _ in }) -> String? {
        cached(Key(name: name, conversion: .ascii)) {
            guard let result = convert(name, .ascii, warn), HostName.problem(result, allowWildcard: true) == nil else {
                return nil
            }
            return result
        }
    }

    /// U-labels; nil for a name that has no valid A-labels.
    public func utf8(_ name: String, warn: (String) -> Void = { _ in }) -> String? {
        cached(Key(name: name, conversion: .utf8)) {
            guard let result = convert(name, .utf8, warn), ascii(result, warn: warn) != nil else { return nil }
            return result
        }
    }

    private func cached(_ key: Key, _ make: () -> String?) -> String? {
        if let known = cache.withLock({ $0[key] }) { return known }
        let result = make()
        cache.withLock { cache in
            if cache.count >= Self.cacheLimit { cache.removeAll(keepingCapacity: true) }
            cache[key] = .some(result)
        }
        return result
    }

    private func convert(_ name: String, _ conversion: Conversion, _ warn: (String) -> Void) -> String? {
        let outcome = library.withLock { library -> Library.Outcome in
            if library == nil { library = Library.load() }
            return library?.convert(name, conversion) ?? .failure("no ICU library")
        }
        switch outcome {
        case .success(let text): return text
        case .failure(let reason):
            warn(
                "midna_domain_to_\(conversion.rawValue.lowercased())_create: Problem translating domain"
                    + " \"\(name.utf8.count > 100 ? String(decoding: name.utf8.prefix(100), as: UTF8.self) : name)\""
                    + " to \(conversion.rawValue) form: \(reason)")
            return nil
        }
    }
}

/// The three functions of libicuuc that convert names. Its symbols carry the library's version.
///
/// `@unchecked Sendable`: the converter is immutable, as ICU documents.
private struct Library: @unchecked Sendable {
    enum Outcome {
        case success(String)
        case failure(String)
    }

    /// `UIDNAInfo` of unicode/uidna.h.
    private struct Info {
        var size: Int16 = 16
        var isTransitionalDifferent: Int8 = 0
        var reserved1: Int8 = 0
        var errors: UInt32 = 0
        var reserved2: Int32 = 0
        var reserved3: Int32 = 0
    }

    private typealias Open = @convention(c) (UInt32, UnsafeMutablePointer<Int32>) -> OpaquePointer?
    private typealias Convert =
        @convention(c) (
            OpaquePointer, UnsafePointer<CChar>, Int32, UnsafeMutablePointer<CChar>, Int32, UnsafeMutableRawPointer,
            UnsafeMutablePointer<Int32>
        ) -> Int32
    private typealias ErrorName = @convention(c) (Int32) -> UnsafePointer<CChar>?

    private let converter: OpaquePointer
    private let toASCII: Convert
    private let toUnicode: Convert
    private let errorName: ErrorName

    /// UIDNA_NONTRANSITIONAL_TO_ASCII, UIDNA_NONTRANSITIONAL_TO_UNICODE
    private static let options: UInt32 = 0x10 | 0x20
    private static let versions = 57...99

    static func load() -> Library? {
        for version in versions.reversed() {
            guard let handle = dlopen("libicuuc.so.\(version)", RTLD_NOW | RTLD_LOCAL) else { continue }
            func symbol<Function>(_ name: String, _: Function.Type) -> Function? {
                // dlsym(3) gives no other way to a function than its address.
                dlsym(handle, "\(name)_\(version)").map { unsafeBitCast($0, to: Function.self) }
            }
            guard let open = symbol("uidna_openUTS46", Open.self),
                let toASCII = symbol("uidna_nameToASCII_UTF8", Convert.self),
                let toUnicode = symbol("uidna_nameToUnicodeUTF8", Convert.self),
                let errorName = symbol("u_errorName", ErrorName.self)
            else { continue }
            var status: Int32 = 0
            guard let converter = open(options, &status), status <= 0 else { continue }
            return Library(converter: converter, toASCII: toASCII, toUnicode: toUnicode, errorName: errorName)
        }
        return nil
    }

    func convert(_ name: String, _ conversion: InternationalDomain.Conversion) -> Outcome {
        let capacity = 1024
        var output = [CChar](repeating: 0, count: capacity)
        var info = Info()
        var status: Int32 = 0
        let function = conversion == .ascii ? toASCII : toUnicode
        let input = name.utf8.prefix(capacity).map { CChar(bitPattern: $0) }
        let length = function(converter, input, Int32(input.count), &output, Int32(capacity), &info, &status)
        if status > 0 { return .failure(errorName(status).map { String(cString: $0) } ?? "error \(status)") }
        if info.errors != 0 { return .failure(Self.name(ofErrors: info.errors)) }
        guard length >= 0, length <= capacity else { return .failure("U_BUFFER_OVERFLOW_ERROR") }
        return .success(
            String(decoding: output[..<Int(length)].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    private static func name(ofErrors errors: UInt32) -> String {
        let names = [
            "EMPTY_LABEL", "LABEL_TOO_LONG", "DOMAIN_NAME_TOO_LONG", "LEADING_HYPHEN", "TRAILING_HYPHEN", "HYPHEN_3_4",
            "LEADING_COMBINING_MARK", "DISALLOWED", "PUNYCODE", "LABEL_HAS_DOT", "INVALID_ACE_LABEL", "BIDI",
            "CONTEXTJ",
            "CONTEXTO_PUNCTUATION", "CONTEXTO_DIGITS",
        ]
        let index = errors.trailingZeroBitCount
        return index < names.count ? "UIDNA_ERROR_\(names[index])" : "Unknown error"
    }
}
