import MailSyntax
import MailSystem

/// `mailq`: the listing as Sendmail printed it.
public struct QueueListingText: QueueListingReceiver {
    private let longIDs: Bool
    private let write: (String) throws -> Void
    private var messages = 0
    private var bytes = 0
    private var lastReason = ""

    /// - Parameter longIDs: enable_long_queue_ids: wider columns.
    public init(longIDs: Bool, write: @escaping (String) throws -> Void) {
        self.longIDs = longIDs
        self.write = write
    }

    public mutating func begin(_ message: QueueListing) throws {
        if messages == 0 {
            try write(
                longIDs
                    ? heading("----Queue ID-----", "--Size--", "---Arrival Time----", "--Sender/Recipient------")
                    : heading("-Queue ID-", "--Size--", "----Arrival Time----", "-Sender/Recipient-------"))
        } else {
            try write("\n")
        }
        var id = message.queueID
        if message.queueName == "active" { id += "*" }
        if message.queueName == "hold" { id += "!" }
        if message.forcedExpire { id += "#" }
        let time = String(LocalTime.asctime(MailTime(seconds: message.arrival)).prefix(longIDs ? 19 : 20))
        try write(
            "\(Self.pad(id, longIDs ? 17 : 11)) \(Self.left("\(message.size)", longIDs ? 8 : 7))"
                + " \(Self.left(time, longIDs ? 19 : 20)) \(message.sender)\n")
        messages += 1
        bytes += message.size
        lastReason = ""
    }

    public mutating func recipient(_ recipient: QueueListing.Recipient) throws {
        if recipient.reason != lastReason {
            let reason = recipient.reason.isEmpty ? "reason unavailable" : recipient.reason
            try write(Self.left("(\(reason))", 78) + "\n")
            lastReason = recipient.reason
        }
        try write(heading("", "", "", recipient.address))
    }

    public mutating func endMessage() throws {}

    public mutating func end() throws {
        if messages == 0 {
            try write("Mail queue is empty\n")
        } else {
            try write("\n-- \(bytes / 1024) Kbytes in \(messages) Request\(messages == 1 ? "" : "s").\n")
        }
    }

    private func heading(_ id: String, _ size: String, _ time: String, _ sender: String) -> String {
        "\(Self.pad(id, longIDs ? 17 : 11)) \(Self.left(size, longIDs ? 8 : 7)) "
            + "\(Self.pad(time, longIDs ? 19 : 20)) \(sender)\n"
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.utf8.count))
    }

    private static func left(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.utf8.count)) + text
    }
}

/// `postqueue -j`: one JSON object a line.
public struct QueueListingJSON: QueueListingReceiver {
    private let write: (String) throws -> Void
    private var first = true

    public init(write: @escaping (String) throws -> Void) { self.write = write }

    public mutating func begin(_ message: QueueListing) throws {
        first = true
        try write(
            "{\"queue_name\": \(JSONText.string(message.queueName)), \"queue_id\": \(JSONText.string(message.queueID)), "
                + "\"arrival_time\": \(message.arrival), \"message_size\": \(message.size), "
                + "\"forced_expire\": \(message.forcedExpire), \"sender\": \(JSONText.string(message.sender)), "
                + "\"recipients\": [")
    }

    public mutating func recipient(_ recipient: QueueListing.Recipient) throws {
        var text = first ? "{" : ", {"
        first = false
        if !recipient.original.isEmpty { text += "\"orig_address\": \(JSONText.string(recipient.original)), " }
        text += "\"address\": \(JSONText.string(recipient.address))"
        if !recipient.reason.isEmpty {
            let name: String
            switch recipient.logClass {
            case "defer", "": name = "delay_reason"
            case "bounce": name = "bounce_reason"
            default: name = "other_reason"
            }
            text += ", \"\(name)\": \(JSONText.string(recipient.reason))"
        }
        try write(text + "}")
    }

    public mutating func endMessage() throws { try write("]}\n") }

    public mutating func end() {}
}
