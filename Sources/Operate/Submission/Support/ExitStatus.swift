/// Exit codes of the commands, after sysexits.h.
public enum ExitStatus {
    public static let ok: Int32 = 0
    /// What Postfix's own fatal errors end with.
    public static let fatal: Int32 = 1
    public static let usage: Int32 = 64
    public static let dataError: Int32 = 65
    public static let unavailable: Int32 = 69
    public static let software: Int32 = 70
    public static let system: Int32 = 71
    public static let temporary: Int32 = 75
    public static let noPermission: Int32 = 77
}

/// Ends a command: the text is logged as `fatal:`, the program exits with the status.
public struct CommandFailure: Error, Sendable {
    public var status: Int32
    public var message: String
    /// What getopt(3) says before that, on standard error only.
    public var complaint: String?

    public init(_ message: String, complaint: String? = nil, status: Int32 = ExitStatus.fatal) {
        self.message = message
        self.complaint = complaint
        self.status = status
    }
}
