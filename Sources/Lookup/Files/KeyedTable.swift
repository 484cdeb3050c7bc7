import Glibc
import MailSystem
import Synchronization

/// A table in a file of its own: `hash:`, `btree:`, `cdb:`, `lmdb:` (DATABASE_README).
///
/// A file that is rewritten in place is followed through the open descriptor, also behind a chroot; lookups wait while it
/// is being written. One that was replaced by another file is opened anew before the next lookup; where that is out of
/// reach (chroot, dropped privileges) `hasChanged` says so, and the old file goes on answering until the process's next
/// generation.
final class KeyedTable: LookupTable, ListableTable {
    let name: String
    let logName: String
    private let format: any KeyedFile.Type
    private let place: KeyedFilePlace
    private let options: TableOptions
    private let keys: KeyFolding
    private let state: Mutex<State>

    /// `@unchecked Sendable`: the file is opened for this table alone, and used behind the lock only.
    private struct State: @unchecked Sendable {
        var file: any KeyedFile
        var kinds: KeyKinds
        var keepsLock = false
        /// The lock is held, and the file is as it was at the last lookup.
        var isLocked = false
        /// When the path was last compared with the open file, seconds.
        var checked = 0
        var sawRemoval = false

        init(_ file: any KeyedFile, _ kinds: KeyKinds) {
            self.file = file
            self.kinds = kinds
        }
    }

    var takesWholeKeyOnly: Bool { false }

    /// - Parameter suffix: of the file, after the table's name.
    init(_ request: TableRequest, _ format: any KeyedFile.Type, suffix: String) throws(TableOpenError) {
        self.format = format
        name = "\(request.specification)"
        logName = name + format.logSuffix
        place = KeyedFilePlace(type: request.type, path: request.name + suffix, settings: request.settings)
        options = request.options
        keys = KeyFolding(request.options)
        state = Mutex(State(try format.init(place, again: false), Self.kinds(format, request.options)))
        SourceAge.warnIfOlder(place.path, than: request.name, request.log)
    }

    private static func kinds(_ format: any KeyedFile.Type, _ options: TableOptions) -> KeyKinds {
        KeyKinds(options, terminatedFirst: format.terminatesKeys)
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        try await find(octets: Array(key.utf8)).map { $0.text }
    }

    func find(octets key: [UInt8]) async throws(LookupError) -> [UInt8]? {
        // postmap has the file for as long as a table takes to build. A thread must not wait for it; the task may.
        for _ in 0..<3_000 {
            if case .value(let value) = try answerNow(key) { return value }
            await TaskDelay.nanoseconds(20_000_000)
        }
        throw LookupError(table: name, reason: "the table is locked")
    }

    func answerNow(_ key: [UInt8]) throws(LookupError) -> ImmediateAnswer {
        let folded = keys.fold(key)
        return try withState { (state) throws(FileProblem) in
            do throws(FileProblem) {
                guard try prepare(&state) else { return .later }
                defer { release(&state) }
                return .value(try state.kinds.find(folded, in: state.file))
            } catch {
                if error.mayPass { return .later }
                throw error
            }
        }
    }

    /// Ready for a lookup: locked, and the file is the one that the path names, if it can be opened. False while a
    /// writer has it.
    private func prepare(_ state: inout State) throws(FileProblem) -> Bool {
        if state.isLocked { return true }
        for _ in 0..<3 {
            guard case .ready(let isRewritten, let isRemoved) = try state.file.begin() else { return false }
            if isRewritten { state.kinds = Self.kinds(format, options) }
            guard let file = replacement(isRemoved, &state) else { return true }
            state.file.end()
            let (keepsLock, checked) = (state.keepsLock, state.checked)
            state = State(file, Self.kinds(format, options))
            (state.keepsLock, state.checked) = (keepsLock, checked)
        }
        state.file.end()
        return false
    }

    private func release(_ state: inout State) {
        state.isLocked = state.keepsLock
        if !state.isLocked { state.file.end() }
    }

    /// The file that has taken the place of the one in use. The old one answers until it can be opened.
    private func replacement(_ isRemoved: Bool, _ state: inout State) -> (any KeyedFile)? {
        let clock = time(nil)
        guard state.checked != clock || (isRemoved && !state.sawRemoval) else { return nil }
        state.checked = clock
        state.sawRemoval = isRemoved
        if !isRemoved, let now = FileStamp(descriptor: state.file.descriptor),
            FileStamp(path: place.path)?.isSameFile(as: now) ?? true
        {
            return nil
        }
        return try? format.init(place, again: true)
    }

    func keepLock(_ keeps: Bool) {
        state.withLock { state in
            state.keepsLock = keeps
            guard !keeps, state.isLocked else { return }
            state.isLocked = false
            state.file.end()
        }
    }

    /// The file was replaced, and the next lookup cannot follow.
    var hasChanged: Bool {
        state.withLock { state in
            guard let now = FileStamp(descriptor: state.file.descriptor) else { return true }
            return now.links == 0 && access(place.path, R_OK) != 0
        }
    }

    var owner: TableOwner { state.withLock { TableOwner(descriptor: $0.file.descriptor) } }

    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(LookupError) {
        try withState { (state) throws(FileProblem) in
            try state.file.forEach { body(KeyKinds.untilNUL($0), KeyKinds.untilNUL($1)) }
        }
    }

    private func withState<Value: Sendable>(
        _ body: (inout State) throws(FileProblem) -> Value
    ) throws(LookupError) -> Value {
        do throws(FileProblem) {
            return try state.withLock { (state) throws(FileProblem) in try body(&state) }
        } catch {
            throw LookupError(table: name, reason: error.reason)
        }
    }
}
