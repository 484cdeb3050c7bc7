/// How a log record becomes the text of a line.
public enum LogLine {
    /// Postfix cuts records at this many bytes.
    static let maximumLength = 2000

    /// `warning: text`, non-printable bytes replaced by `?`, cut to length. Bytes above 127 pass: UTF-8 addresses are
    /// logged as they are.
    public static func message(_ record: LogRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        let label = record.severity.label
        bytes.reserveCapacity(min(maximumLength, label.utf8.count + record.text.utf8.count))
        for byte in label.utf8 { bytes.append(byte) }
        for byte in record.text.utf8.prefix(maximumLength - bytes.count) {
            bytes.append(byte < 32 || byte == 127 ? UInt8(ascii: "?") : byte)
        }
        return bytes
    }

    /// syslog(3) severity number.
    static func syslogSeverity(_ severity: LogSeverity) -> Int {
        switch severity {
        case .info: 6
        case .warning: 4
        case .error: 3
        case .fatal, .panic: 2
        }
    }

    /// syslog(3) facility code (already shifted) of a `syslog_facility` value, or nil.
    public static func facility(_ name: String) -> Int? {
        let names = [
            "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
        ]
        if let index = names.firstIndex(of: name) { return index << 3 }
        if name == "security" { return 4 << 3 }
        guard name.hasPrefix("local"), let number = Int(name.dropFirst(5)), (0...7).contains(number) else { return nil }
        return (16 + number) << 3
    }
}
