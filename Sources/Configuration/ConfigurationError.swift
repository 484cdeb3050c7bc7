/// Why a configuration cannot be used. `description` is Postfix's text for it, with the file and the line where they
/// are known: it stands after `fatal: ` in the log.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Something that the administrator should know of: an unused parameter, a bad value.
public struct ConfigurationDiagnostic: Equatable, Sendable, CustomStringConvertible {
    public enum Severity: Sendable {
        /// Logged at start, reload and check.
        case warning
        /// Start, reload and check refuse the configuration.
        case fatal
    }

    public let severity: Severity
    /// The path of main.cf or master.cf; empty where no file is at fault.
    public let file: String
    /// From 1; 0 when unknown.
    public let line: Int
    /// What is wrong, in Postfix's words where it has them.
    public let text: String
    /// What to do about it; may be empty.
    public let cure: String
    /// False where Postfix's words have the file only.
    private let complaintHasLine: Bool

    public init(
        _ severity: Severity, file: String = "", line: Int = 0, _ text: String, cure: String = "",
        complaintHasLine: Bool = true
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.text = text
        self.cure = cure
        self.complaintHasLine = complaintHasLine
    }

    /// `/etc/postfix/main.cf, line 3: unused parameter: foo=bar (correct the name or remove the line)`
    public var description: String { place(withLine: true) + text + (cure.isEmpty ? "" : " (\(cure))") }

    /// Without the cure: what Postfix would say.
    public var complaint: String { place(withLine: complaintHasLine) + text }

    private func place(withLine: Bool) -> String {
        if file.isEmpty { return "" }
        return withLine && line > 0 ? "\(file), line \(line): " : "\(file): "
    }

    public var error: ConfigurationError { ConfigurationError(description) }
}
