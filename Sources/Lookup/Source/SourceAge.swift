import Glibc
import MailSystem

/// The warning that a table was made from an older edition of its source.
enum SourceAge {
    /// Not while the source is fresh: the administrator may be about to run postmap.
    static func warnIfOlder(_ table: String, than source: String, _ log: MailLog) {
        guard let made = FileStamp(path: table), let newer = FileStamp(path: source),
            newer.seconds > made.seconds, newer.seconds < time(nil) - 100
        else { return }
        log.warning("database \(table) is older than source file \(source)")
    }
}
