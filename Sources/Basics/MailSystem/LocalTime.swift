import Glibc
import Synchronization

/// Times as people and log files write them, in the local time zone. Call `prepare` before a chroot hides the zone.
public enum LocalTime {
    static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    public static func prepare() { tzset() }

    static func fields(_ time: MailTime) -> tm {
        var value = tm()
        var seconds = time_t(time.seconds)
        localtime_r(&seconds, &value)
        return value
    }

    /// RFC 5322 §3.3 with the zone's name as a comment: `Mon, 23 Nov 2026 10:00:00 +0000 (UTC)`.
    public static func rfc5322(_ time: MailTime) -> String { lastHeaderDate.text(time, makeHeaderDate) }

    private static let lastHeaderDate = LastSecond()
    private static let lastStamp = LastSecond()

    private static func makeHeaderDate(_ time: MailTime) -> String {
        let t = fields(time)
        let minutes = abs(t.tm_gmtoff) / 60
        let zone = "\(t.tm_gmtoff < 0 ? "-" : "+")\(two(minutes / 60))\(two(minutes % 60))"
        let name = t.tm_zone.map { String(cString: $0) } ?? ""
        let day = "\(name3(days, t.tm_wday)), \(t.tm_mday) \(name3(months, t.tm_mon)) \(t.tm_year + 1900)"
        return "\(day) \(clockText(t)) \(zone)\(name.isEmpty ? "" : " (\(name))")"
    }

    /// asctime(3) without the newline: `Mon Nov 23 10:00:00 2026`, day of the month padded with a blank.
    public static func asctime(_ time: MailTime) -> String {
        let t = fields(time)
        return "\(name3(days, t.tm_wday)) \(name3(months, t.tm_mon)) \(blank2(t.tm_mday)) \(clockText(t))"
            + " \(t.tm_year + 1900)"
    }

    /// syslog(3): `Nov 23 10:00:00`, day of the month padded with a blank.
    public static func syslogStamp(_ time: MailTime) -> String {
        lastStamp.text(time) { time in
            let t = fields(time)
            return "\(name3(months, t.tm_mon)) \(blank2(t.tm_mday)) \(clockText(t))"
        }
    }

    /// maillog_file: as syslog, day of the month padded with a zero.
    public static func maillogStamp(_ time: MailTime) -> String {
        let t = fields(time)
        return "\(name3(months, t.tm_mon)) \(two(Int(t.tm_mday))) \(clockText(t))"
    }

    /// `20261123-100000`, for names of rotated files.
    public static func compactStamp(_ time: MailTime) -> String {
        let t = fields(time)
        return "\(t.tm_year + 1900)\(two(Int(t.tm_mon) + 1))\(two(Int(t.tm_mday)))-"
            + "\(two(Int(t.tm_hour)))\(two(Int(t.tm_min)))\(two(Int(t.tm_sec)))"
    }

    private static func clockText(_ t: tm) -> String {
        "\(two(Int(t.tm_hour))):\(two(Int(t.tm_min))):\(two(Int(t.tm_sec)))"
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    private static func blank2(_ value: CInt) -> String { value < 10 ? " \(value)" : "\(value)" }
    private static func name3(_ names: [String], _ index: CInt) -> String {
        names.indices.contains(Int(index)) ? names[Int(index)] : "???"
    }
}

/// Keeps the text of the last second that was asked for: a busy server asks for each many times.
private final class LastSecond: Sendable {
    private let last = Mutex<(seconds: Int, text: String)?>(nil)

    func text(_ time: MailTime, _ make: (MailTime) -> String) -> String {
        let seconds = Int(time.seconds)
        if let (known, text) = last.withLock({ $0 }), known == seconds { return text }
        let text = make(time)
        last.withLock { $0 = (seconds, text) }
        return text
    }
}
