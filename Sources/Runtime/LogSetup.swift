import Configuration
import Glibc
import MailSystem

/// Which sink the configuration asks for.
public enum LogSetup {
    /// `maillog_file` when set (it must be below one of `maillog_file_prefixes`), else syslog with `syslog_facility`.
    /// - Throws: text for a fatal line.
    public static func sink(_ parameters: Parameters) throws(ConfigurationError) -> any LogSink {
        let file = parameters["maillog_file"]
        guard !file.isEmpty else {
            let facility = parameters["syslog_facility"]
            guard let code = LogLine.facility(facility) else {
                throw ConfigurationError("syslog_facility: bad facility name \"\(facility)\"")
            }
            return SyslogSink(facility: code)
        }
        try check(file: file, prefixes: parameters.list("maillog_file_prefixes"))
        do {
            return try MaillogFileSink(path: file, hostName: parameters["myhostname"])
        } catch {
            throw ConfigurationError("maillog_file: \(error)")
        }
    }

    /// postconf(5) maillog_file_prefixes.
    public static func check(file: String, prefixes: [String]) throws(ConfigurationError) {
        let matches = prefixes.contains { prefix in
            file == prefix || file.hasPrefix(prefix.hasSuffix("/") ? prefix : prefix + "/")
        }
        if !matches {
            throw ConfigurationError(
                "maillog_file: \(file) is not below a directory of maillog_file_prefixes"
                    + " (\(prefixes.joined(separator: ", ")))")
        }
    }
}
