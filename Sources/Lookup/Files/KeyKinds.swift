import Glibc

/// Which kinds of keys a file has: with NUL at the end, or without. Once a lookup succeeds, only its kind is tried:
/// postmap writes all keys of a table alike.
struct KeyKinds {
    private var triesTerminated: Bool
    private var triesPlain: Bool
    private let terminatedFirst: Bool

    init(_ options: TableOptions, terminatedFirst: Bool) {
        triesTerminated = options.triesKeysWithNUL
        triesPlain = options.triesKeysWithoutNUL
        self.terminatedFirst = terminatedFirst
    }

    /// The value, up to its first NUL.
    mutating func find(
        _ folded: consuming [UInt8], in file: any KeyedFile
    ) throws(FileProblem) -> [UInt8]? {
        var key = folded
        if let value = try attempt(terminated: terminatedFirst, &key, file) { return value }
        return try attempt(terminated: !terminatedFirst, &key, file)
    }

    private mutating func attempt(
        terminated: Bool, _ key: inout [UInt8], _ file: any KeyedFile
    ) throws(FileProblem) -> [UInt8]? {
        guard terminated ? triesTerminated : triesPlain else { return nil }
        if terminated { key.append(0) }
        defer { if terminated { key.removeLast() } }
        guard let value = try file.get(key) else { return nil }
        (triesTerminated, triesPlain) = (terminated, !terminated)
        return Self.untilNUL(value)
    }

    static func untilNUL(_ stored: consuming [UInt8]) -> [UInt8] {
        var value = stored
        let end = value.withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap { base in
                memchr(base, 0, bytes.count).map { base.distance(to: UnsafeRawPointer($0)) }
            }
        }
        if let end { value.removeLast(value.count - end) }
        return value
    }
}
