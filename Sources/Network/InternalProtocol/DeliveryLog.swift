import MailSyntax
import MailSystem

/// The moments of a delivery, from which the `delay=` and `delays=` fields come. Wall-clock times.
public struct DeliveryTimes: Sendable, Equatable {
    /// The message arrived at this system.
    public var arrived: MailTime
    /// It entered the active queue.
    public var active: MailTime
    /// The agent got the request.
    public var handed: MailTime
    /// The connection to the peer was set up; nil when there was none.
    public var connected: MailTime?
    /// The delivery was over.
    public var done: MailTime

    public init(arrived: MailTime, active: MailTime, handed: MailTime, connected: MailTime? = nil, done: MailTime) {
        self.arrived = arrived
        self.active = active
        self.handed = handed
        self.connected = connected
        self.done = done
    }

    /// The times of a request that the agent got at `handed`.
    public init(_ request: DeliveryRequest, handed: MailTime, connected: MailTime? = nil, done: MailTime) {
        self.init(
            arrived: MailTime(seconds: request.arrivalSeconds, microseconds: request.arrivalMicroseconds),
            active: MailTime(seconds: request.activeSeconds, microseconds: request.activeMicroseconds),
            handed: handed, connected: connected, done: done)
    }
}

/// The delivery status lines that all agents, the queue manager and the bounce service log (contract/logformats.md §5).
public enum DeliveryLog {
    /// `to=<R>, orig_to=<O>, relay=…, conn_use=2, delay=0.5, delays=0.1/0/0.2/0.2, dsn=2.0.0, status=sent (…)` without
    /// the queue id before it.
    ///
    /// - Parameters:
    ///   - relay: `host[address]:port`, `none`, `local` …
    ///   - connectionUse: deliveries over this connection so far, this one included; shown from 2 on.
    ///   - dsn: RFC 3463 status, `2.0.0`.
    ///   - status: `sent`, `deferred`, `bounced`, `deliverable` …
    ///   - text: what stands in parentheses.
    ///   - resolution: delay_logging_resolution_limit, decimals below one second.
    public static func line(
        queueID: String, recipient: String, original: String, relay: String, connectionUse: Int = 1,
        times: DeliveryTimes, dsn: String, status: String, text: String, resolution: Int = 2
    ) -> String {
        var line = "\(queueID): to=<\(EmailAddress.quoted(recipient))>"
        if !original.isEmpty, !ASCII.equalIgnoringCase(original, recipient) {
            line += ", orig_to=<\(EmailAddress.quoted(original))>"
        }
        line += ", relay=\(relay)"
        if connectionUse > 1 { line += ", conn_use=\(connectionUse)" }
        line += ", \(delays(times, resolution: resolution)), dsn=\(dsn), status=\(status) (\(text))"
        return printable(line)
    }

    /// `delay=«total», delays=«before queue manager»/«in queue manager»/«connection setup»/«transmission»`
    public static func delays(_ times: DeliveryTimes, resolution: Int = 2) -> String {
        let setup = times.connected.map { nonNegative($0, times.handed) } ?? 0
        let parts = [
            nonNegative(times.active, times.arrived),
            nonNegative(times.handed, times.active),
            setup,
            nonNegative(times.done, times.connected ?? times.handed),
        ]
        let total = delay(nonNegative(times.done, times.arrived), resolution: resolution)
        let texts = parts.map { delay($0, resolution: resolution) }
        return "delay=\(total), delays=\(texts.joined(separator: "/"))"
    }

    private static func nonNegative(_ later: MailTime, _ earlier: MailTime) -> Double { max(later.since(earlier), 0) }

    /// Two significant digits, none below the resolution limit, no trailing zeros: `0.05`, `1.2`, `12`, `1234`, `0`.
    ///
    /// - Parameters:
    ///   - seconds: not negative.
    ///   - resolution: decimals at most, up to 6.
    ///   - significant: digits that count; whole seconds have all of theirs.
    public static func delay(_ seconds: Double, resolution: Int = 2, significant: Int = 2) -> String {
        let limit = min(max(resolution, 0), 6)
        var threshold = 1.0
        for _ in 1..<max(significant, 1) { threshold *= 10 }
        var decimals = 0
        while decimals < limit, seconds < threshold {
            decimals += 1
            threshold /= 10
        }
        var unit = 1
        for _ in 0..<decimals { unit *= 10 }
        let scaled = (seconds * Double(unit)).rounded()
        guard scaled.isFinite, scaled < 9e15 else { return "0" }
        let number = Int(scaled)
        let whole = number / unit
        var digits = String(number % unit)
        if decimals == 0 || number % unit == 0 { return "\(whole)" }
        digits = String(repeating: "0", count: decimals - digits.utf8.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    /// Control characters become `?`: reply texts are the peer's choice. UTF-8 stays.
    public static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
