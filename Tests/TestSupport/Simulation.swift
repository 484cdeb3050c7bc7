import MailSystem
import Synchronization

/// Collects log records.
public final class MemoryLogSink: LogSink {
    private let store = Mutex<[LogRecord]>([])

    public init() {}

    public func write(_ record: LogRecord) { store.withLock { $0.append(record) } }

    public var records: [LogRecord] { store.withLock { $0 } }

    /// `postfix/smtpd: warning: text` for each record.
    public var lines: [String] { records.map { "\($0.tag): \($0.severity.label)\($0.text)" } }

    /// The texts, with severity label, without tag.
    public var texts: [String] { records.map { "\($0.severity.label)\($0.text)" } }

    public func contains(_ text: String) -> Bool { lines.contains { $0.contains(text) } }

    public func removeAll() { store.withLock { $0.removeAll() } }
}

/// A clock that moves only when told to.
public final class SimulatedClock: MailClock {
    private let microseconds: Mutex<Int>

    /// Starts at 23 November 2026, 10:00 UTC unless told otherwise.
    public init(_ start: MailTime = MailTime(seconds: 1_795_428_000)) {
        microseconds = Mutex(start.seconds * 1_000_000 + start.microseconds)
    }

    public func advance(seconds: Double) { microseconds.withLock { $0 += Int(seconds * 1_000_000) } }

    public func now() -> MailTime {
        let value = microseconds.withLock { $0 }
        return MailTime(seconds: value / 1_000_000, microseconds: value % 1_000_000)
    }

    public func monotonicNanoseconds() -> UInt64 { UInt64(microseconds.withLock { $0 }) * 1000 }
}
