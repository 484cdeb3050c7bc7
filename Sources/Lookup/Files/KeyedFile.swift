/// What a table of fixed keys needs of its file's format. Not for use from two threads at once.
protocol KeyedFile: AnyObject, SendableMetatype {
    /// What log lines put after `type:name`.
    static var logSuffix: String { get }
    /// Whether keys end in NUL where nobody says otherwise.
    static var terminatesKeys: Bool { get }

    /// - Parameter again: the file takes the place of one that was open; a lookup waits, so a writer's lock is an error.
    init(_ place: KeyedFilePlace, again: Bool) throws(TableOpenError)

    var descriptor: CInt { get }

    /// Before lookups: takes the reader's lock, and sees what others have written since.
    func begin() throws(FileProblem) -> KeyedFileStatus
    /// After them: releases the lock.
    func end()
    /// The octets stored for `key`, between `begin` and `end`.
    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]?
    /// Calls `body` with each entry, in the file's own order. Waits for the lock by itself.
    func forEach(_ body: (_ key: [UInt8], _ value: [UInt8]) -> Void) throws(FileProblem)
}

/// Where a table's file is, and how it is read.
struct KeyedFilePlace: Sendable {
    let type: String
    let path: String
    let settings: TableSettings

    func failure(_ reason: String) -> TableOpenError { TableOpenError("open database \(path): \(reason)") }

    func failure(errno: CInt) -> TableOpenError { failure(FileProblem(errno: errno).reason) }
}

enum KeyedFileStatus {
    /// A writer has the file.
    case busy
    /// - Parameters:
    ///   - isRewritten: another content than at the lookup before.
    ///   - isRemoved: the file has no name any more.
    case ready(isRewritten: Bool, isRemoved: Bool)
}
