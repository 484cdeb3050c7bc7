import MailSystem
import Synchronization

/// What a command tells with `-v`: the files that it opens, what it asks, and what it hears. On standard error, never in
/// the mail log.
public enum CommandTrace {
    // A command is one process with one command line.
    private static let program = Mutex("")
    private static let level = Atomic(0)

    /// - Parameter level: how often `-v` was given.
    public static func begin(_ program: String, level: Int) {
        Self.program.withLock { $0 = program }
        Self.level.store(level, ordering: .relaxed)
    }

    public static func isOn(level: Int = 1) -> Bool { Self.level.load(ordering: .relaxed) >= level }

    /// - Parameter level: how often `-v` must have been given.
    public static func tell(level: Int = 1, _ text: @autoclosure () -> String) {
        guard isOn(level: level) else { return }
        let program = program.withLock { $0 }
        StandardErrorSink().write(LogRecord(tag: program, severity: .info, text: text()))
    }

    /// The settings that were read; each of them with two `-v`.
    public static func tell(settings: [(name: String, value: String)], of path: String) {
        guard isOn() else { return }
        tell("\(path): \(settings.count) setting\(settings.count == 1 ? "" : "s")")
        for (name, value) in settings { tell(level: 2, "\(path): \(name) = \(value)") }
    }

    /// A key or a value, in quotes.
    public static func quoted(_ bytes: some Sequence<UInt8>) -> String {
        "\"\(String(decoding: Array(bytes), as: UTF8.self))\""
    }
}
