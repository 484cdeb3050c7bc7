import InternalProtocol
import MailSystem

/// Connection counts and request rates by service and client (anvil(8)). Pure: the time comes with each event.
struct AnvilTable {
    private struct Entry {
        var connections = 0
        var counts = [Int](repeating: 0, count: Counter.allCases.count)
        var started: Moment
    }

    enum Counter: Int, CaseIterable {
        case connection, message, recipient, newTLS, auth

        /// As statistics lines call it.
        var label: String {
            switch self {
            case .connection: "connection"
            case .message: "message"
            case .recipient: "recipient"
            case .newTLS: "newtls"
            case .auth: "auth"
            }
        }
    }

    /// The highest value seen since the last report.
    struct Record: Equatable {
        var value = 0
        var ident = ""
        var at = MailTime(seconds: 0)
    }

    let rateUnit: Int
    private var entries: [String: Entry] = [:]
    /// Connections of each server process, so that those of one that died can be taken back.
    private var held: [InternalPeer: [String: Int]] = [:]
    private(set) var maximumRates = [Record](repeating: Record(), count: Counter.allCases.count)
    private(set) var maximumCount = Record()
    private(set) var maximumSize = Record()
    private var nextSweep = Moment(nanoseconds: 0)

    /// - Parameter rateUnit: anvil_rate_time_unit, seconds.
    init(rateUnit: Int) { self.rateUnit = max(1, rateUnit) }

    var size: Int { entries.count }

    /// Notes an event and returns the counts after it.
    mutating func note(_ request: AnvilRequest, from peer: InternalPeer, now: Moment, wall: MailTime) -> AnvilReply {
        sweep(now)
        let ident = "\(request.service):\(request.client)"
        if request.event == .disconnect {
            disconnect(ident, peer)
            return AnvilReply()
        }
        if request.event == .lookup { return reply(entries[ident], now) }
        var entry = entries[ident] ?? Entry(started: now)
        if now.seconds(since: entry.started) >= rateUnit {
            entry.counts = [Int](repeating: 0, count: Counter.allCases.count)
            entry.started = now
        }
        let counter = Self.counter(request.event)
        entry.counts[counter.rawValue] += 1
        if counter == .connection {
            entry.connections += 1
            held[peer, default: [:]][ident, default: 0] += 1
            Self.raise(&maximumCount, entry.connections, ident, wall)
        }
        Self.raise(&maximumRates[counter.rawValue], entry.counts[counter.rawValue], ident, wall)
        entries[ident] = entry
        Self.raise(&maximumSize, entries.count, ident, wall)
        return reply(entry, now)
    }

    /// A server process ended without taking leave of its clients.
    mutating func forget(_ peer: InternalPeer) {
        for (ident, count) in held.removeValue(forKey: peer) ?? [:] {
            entries[ident]?.connections -= count
        }
    }

    /// The lines of the periodic report; what they said is forgotten.
    mutating func statistics(format: (MailTime) -> String) -> [String] {
        var lines: [String] = []
        for counter in Counter.allCases {
            let record = maximumRates[counter.rawValue]
            guard record.value > 0 else { continue }
            lines.append(
                "statistics: max \(counter.label) rate \(record.value)/\(rateUnit)s for (\(record.ident)) at "
                    + format(record.at))
            if counter == .connection, maximumCount.value > 0 {
                lines.append(
                    "statistics: max connection count \(maximumCount.value) for (\(maximumCount.ident)) at "
                        + format(maximumCount.at))
            }
        }
        if maximumSize.value > 0 {
            lines.append("statistics: max cache size \(maximumSize.value) at \(format(maximumSize.at))")
        }
        maximumRates = [Record](repeating: Record(), count: Counter.allCases.count)
        maximumCount = Record()
        maximumSize = Record()
        return lines
    }

    private mutating func disconnect(_ ident: String, _ peer: InternalPeer) {
        guard let count = held[peer]?[ident] else { return }
        held[peer]?[ident] = count > 1 ? count - 1 : nil
        entries[ident]?.connections -= 1
    }

    /// Forgets clients without connections whose time is over; once per time unit, so that an event costs little.
    private mutating func sweep(_ now: Moment) {
        guard now >= nextSweep else { return }
        nextSweep = now.adding(seconds: rateUnit)
        entries = entries.filter { $1.connections > 0 || now.seconds(since: $1.started) < rateUnit }
    }

    private func reply(_ entry: Entry?, _ now: Moment) -> AnvilReply {
        var reply = AnvilReply()
        guard let entry else { return reply }
        reply.connectionCount = entry.connections
        guard now.seconds(since: entry.started) < rateUnit else { return reply }
        reply.connectionRate = entry.counts[Counter.connection.rawValue]
        reply.messageRate = entry.counts[Counter.message.rawValue]
        reply.recipientRate = entry.counts[Counter.recipient.rawValue]
        reply.newTLSRate = entry.counts[Counter.newTLS.rawValue]
        reply.authRate = entry.counts[Counter.auth.rawValue]
        return reply
    }

    private static func counter(_ event: AnvilEvent) -> Counter {
        switch event {
        case .connect, .disconnect, .lookup: .connection
        case .message: .message
        case .recipient: .recipient
        case .newTLS: .newTLS
        case .auth: .auth
        }
    }

    private static func raise(_ record: inout Record, _ value: Int, _ ident: String, _ wall: MailTime) {
        if value > record.value { record = Record(value: value, ident: ident, at: wall) }
    }
}
