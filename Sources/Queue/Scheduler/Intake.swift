import DequeModule

/// Which queue files to open next. Messages that `receive` reports are opened at once; the incoming and deferred
/// directories are read in small pieces, only while the active queue has room, one file of each in turn, so that a
/// backlog never blocks new mail (qmgr(8), "fairness"). Holds names, never more than a few hundred.
public struct Intake: Sendable {
    public enum Source: Sendable { case incoming, deferred }

    public enum Step: Sendable, Equatable {
        /// Open these files.
        case open([QueueEntryName])
        /// Read the next names of the directory; from its beginning when `restart`.
        case scan(Source, restart: Bool, ignoreTimes: Bool)
        case idle
    }

    public struct QueueEntryName: Sendable, Hashable {
        public var source: Source
        public var id: String
        /// Ask for delivery although its transport is deferred: the queue is being flushed.
        public var isFlush: Bool
        /// Reported as new, not found in the directory.
        public var isAnnounced = false
    }

    private struct Scan: Sendable {
        var isRunning = false
        var isWanted = false
        var isReading = false
        var ignoreTimes = false
        var nextIgnoresTimes = false
        var names = Deque<String>()
    }

    /// Notifications kept before the intake falls back to reading the directory.
    static let notificationLimit = 4096
    static let batchSize = 32

    private var announced = Deque<String>()
    private var incoming = Scan()
    private var deferred = Scan()
    private var deferredIsNext = false

    public init() {}

    /// New messages that are known and wait to be opened.
    public var backlog: Int { announced.count + incoming.names.count }

    /// A message is complete in the incoming directory.
    public mutating func arrived(_ id: String) {
        guard announced.count < Self.notificationLimit else {
            incoming.isWanted = true
            return
        }
        announced.append(id)
    }

    /// A file that could not be opened at its turn may be tried again.
    public mutating func again(_ name: QueueEntryName) {
        switch name.source {
        case .incoming: incoming.names.append(name.id)
        case .deferred: deferred.names.append(name.id)
        }
    }

    /// Wants the directory read (again). `ignoreTimes` concerns the next scan, not one that runs.
    public mutating func wantScan(_ source: Source, ignoreTimes: Bool = false) {
        switch source {
        case .incoming:
            incoming.isWanted = true
        case .deferred:
            deferred.isWanted = true
            deferred.nextIgnoresTimes = deferred.nextIgnoresTimes || ignoreTimes
        }
    }

    /// The next scan of the deferred directory takes files whatever their time.
    public mutating func ignoreTimesNext() { deferred.nextIgnoresTimes = true }

    /// The next thing to do when there is room for `room` more messages; `.idle` when there is nothing. Call again
    /// until it is idle: a directory whose names have run out is read on while files are being opened.
    public mutating func next(room: Int) -> Step {
        guard room > 0 else { return .idle }
        if incoming.names.isEmpty, let step = Self.scanStep(.incoming, &incoming) { return step }
        if deferred.names.isEmpty, let step = Self.scanStep(.deferred, &deferred) { return step }
        var batch: [QueueEntryName] = []
        while batch.count < min(room, Self.batchSize), let name = pop() { batch.append(name) }
        return batch.isEmpty ? .idle : .open(batch)
    }

    /// Names from a scan step. `atEnd` when the directory has no more.
    public mutating func scanned(_ source: Source, names: [String], atEnd: Bool) {
        switch source {
        case .incoming: Self.note(&incoming, names, atEnd)
        case .deferred: Self.note(&deferred, names, atEnd)
        }
    }

    private static func note(_ scan: inout Scan, _ names: [String], _ atEnd: Bool) {
        scan.isReading = false
        scan.names.append(contentsOf: names)
        if atEnd { scan.isRunning = false }
    }

    private static func scanStep(_ source: Source, _ scan: inout Scan) -> Step? {
        guard !scan.isReading else { return nil }
        if scan.isRunning {
            scan.isReading = true
            return .scan(source, restart: false, ignoreTimes: scan.ignoreTimes)
        }
        guard scan.isWanted, scan.names.isEmpty else { return nil }
        scan.isWanted = false
        scan.isRunning = true
        scan.isReading = true
        scan.ignoreTimes = scan.nextIgnoresTimes
        scan.nextIgnoresTimes = false
        return .scan(source, restart: true, ignoreTimes: scan.ignoreTimes)
    }

    /// One deferred message after each new one.
    private mutating func pop() -> QueueEntryName? {
        if deferredIsNext, let id = deferred.names.popFirst() {
            deferredIsNext = false
            return QueueEntryName(source: .deferred, id: id, isFlush: deferred.ignoreTimes)
        }
        if let id = announced.popFirst() {
            deferredIsNext = true
            return QueueEntryName(source: .incoming, id: id, isFlush: false, isAnnounced: true)
        }
        if let id = incoming.names.popFirst() {
            deferredIsNext = true
            return QueueEntryName(source: .incoming, id: id, isFlush: false)
        }
        guard let id = deferred.names.popFirst() else { return nil }
        return QueueEntryName(source: .deferred, id: id, isFlush: deferred.ignoreTimes)
    }
}
