import Glibc
import MailSyntax
import MailSystem
import Spool

/// What showq(8) says of each message, in Postfix's attribute form (sendprotocols.md §11). Calls block; a listing of a
/// million messages is produced piece by piece.
final class QueueListing: @unchecked Sendable {
    // Unchecked: the position is used from one task at a time, the rest does not change.

    /// A message to be listed.
    struct Entry: Sendable {
        let queue: String
        /// The queue ID.
        let name: String
        /// Relative to the queue directory.
        let path: String
    }

    static let queues = ["maildrop", "active", "incoming", "deferred", "hold"]

    private let directory: QueueDirectory
    /// Stands for the null sender: empty_address_recipient.
    private let emptyAddress: String
    private var remaining: ArraySlice<String> = QueueListing.queues[...]
    private var current: (queue: String, scan: QueueScan)?

    init(directory: QueueDirectory, emptyAddress: String) {
        self.directory = directory
        self.emptyAddress = emptyAddress
    }

    static let greeting = AttributeCodec.encode([.init("protocol", "mail_queue_list_protocol")], as: .null)
    /// An empty list ends the reply.
    static let end: [UInt8] = [0]

    /// The next messages; none at the end.
    func nextEntries(_ limit: Int) -> [Entry] {
        var entries: [Entry] = []
        while entries.count < limit {
            guard let (queue, scan) = current else {
                guard let queue = remaining.popFirst() else { break }
                current = (queue, directory.scan(queue))
                continue
            }
            // A directory that cannot be read further is at its end.
            guard let entry = (try? scan.nextEntry()) ?? nil else {
                scan.close()
                current = nil
                continue
            }
            entries.append(Entry(queue: queue, name: entry.name, path: entry.path))
        }
        return entries
    }

    /// What to say of the first of `entries`, about `size` bytes, and takes them off. May run beside other calls.
    func render(_ entries: inout ArraySlice<Entry>, size: Int = 64 << 10) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < size, let entry = entries.popFirst() {
            append(queue: entry.queue, name: entry.name, path: entry.path, to: &bytes)
        }
        return bytes
    }

    func close() { current?.scan.close() }

    /// Messages that vanish or cannot be read are left out.
    private func append(queue: String, name: String, path: String, to bytes: inout [UInt8]) {
        guard let id = QueueID(name), let file = try? directory.store.open(path, writing: false) else { return }
        defer { file.close() }
        guard let status = try? file.status(), status.isReadyQueueFile else { return }
        let reader = QueueFileReader(file: file, size: status.size)
        let isMaildrop = queue == "maildrop"
        guard let message = try? reader.envelope(requireComplete: !isMaildrop) else { return }
        let size = isMaildrop || message.size.segmentLength == 0 ? status.size : message.size.segmentLength
        var attributes: [AttributeCodec.Attribute] = [
            .init("queue_name", queue), .init("queue_id", name), .init("time", "\(message.arrival.seconds)"),
            .init("size", "\(size)"), .init("forced_expire", status.asksForExpiry ? "1" : "0"),
            .init("sender", shown(message.sender)),
        ]
        var listed: Set<Int> = []
        if !isMaildrop {
            for log in ["bounce", "defer"] { addLogged(log, id: id, to: &attributes, &listed) }
        }
        var next = message.recipients
        while let cursor = next {
            guard let part = try? reader.recipients(of: message, from: cursor, limit: 1000) else { break }
            for recipient in part.batch where !listed.contains(recipient.offset) {
                add(recipient.address, "", to: &attributes)
            }
            next = part.next
        }
        bytes += AttributeCodec.encode(attributes, as: .null)
    }

    private func addLogged(
        _ log: String, id: QueueID, to attributes: inout [AttributeCodec.Attribute],
        _ listed: inout Set<Int>
    ) {
        guard let reader = try? BounceLog.open(directory, queue: log, id: id) else { return }
        defer { reader.close() }
        while let entry = (try? reader.next()) ?? nil {
            guard entry.offset == 0 || listed.insert(entry.offset).inserted else { continue }
            add(entry.recipient, entry.reason, to: &attributes)
        }
    }

    /// Only what Postfix before 3.11 knows: its postqueue refuses a list with more.
    private func add(_ recipient: String, _ reason: String, to attributes: inout [AttributeCodec.Attribute]) {
        attributes += [.init("recipient", shown(recipient)), .init("reason", Self.cut(reason))]
    }

    private func shown(_ address: String) -> String {
        address.isEmpty ? emptyAddress : Self.cut(EmailAddress.quoted(address))
    }

    /// Readers have a limit for a field, and one long text, such as that of a command in a .forward file, must not
    /// spoil the list for all.
    private static func cut(_ text: String) -> String {
        text.utf8.count <= 4096 ? text : String(decoding: text.utf8.prefix(4096), as: UTF8.self)
    }
}
