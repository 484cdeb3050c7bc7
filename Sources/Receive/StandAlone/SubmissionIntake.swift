import MailSyntax
import NIOCore
import Spool
import Submission

/// Takes messages through postdrop, with the rights of the user who runs the server.
struct SubmissionIntake: MessageIntake {
    let context: CommandContext

    func begin(_ envelope: MessageEnvelope) async throws -> any IncomingMail {
        let lineLimit = max(1, context.parameters.int("line_length_limit"))
        return try SubmittedMail(try PostdropClient(context), envelope, lineLimit: lineLimit)
    }
}

/// One message on its way to postdrop, as the records of queuefile.md §7.
final class SubmittedMail: IncomingMail, @unchecked Sendable {
    // Unchecked: used by one session, one call at a time.
    private let postdrop: PostdropClient
    private let lineLimit: Int
    private var records: [UInt8] = []
    /// Start of a line whose end has not come.
    private var partial: [UInt8] = []
    private var hasContent = false
    private var hasFailed = false

    var queueID: String { postdrop.queueID }

    init(_ postdrop: PostdropClient, _ envelope: MessageEnvelope, lineLimit: Int) throws {
        self.postdrop = postdrop
        self.lineLimit = lineLimit
        if let id = envelope.envelopeID { record(.attribute, "envelope_id=\(id)") }
        if let part = envelope.returnPart { record(.attribute, "ret_flags=\(part == "FULL" ? 1 : 2)") }
        record(.sender, envelope.sender)
        if let encoding = envelope.encoding { record(.attribute, "encoding=\(encoding)") }
    }

    func add(_ recipient: MessageRecipient) async {
        if recipient.notify != 0 { record(.attribute, "notify_flags=\(recipient.notify)") }
        let type = ASCII.isASCII(recipient.address) ? "rfc822" : "utf-8"
        let original = recipient.original ?? "\(type);\(EmailAddress.quoted(recipient.address))"
        record(.attribute, "dsn_orig_rcpt=\(original)")
        record(.recipient, recipient.address)
        flush(above: 32 << 10)
    }

    /// Nothing decides about messages of users with rights on this machine.
    func set(_ effects: MessageEffects) async {}

    func prepend(_ header: String) async {
        beginContent()
        for line in header.utf8.split(separator: 0x0A) { record(.line, line) }
    }

    func append(_ text: ByteBuffer) async {
        beginContent()
        var rest = text.readableBytesView[...]
        while let end = rest.firstIndex(of: 0x0A) {
            partial += rest[..<end]
            takeLine()
            rest = rest[(end + 1)...]
        }
        partial += rest
        continueLine(while: { $0 >= lineLimit })
        flush(above: 32 << 10)
    }

    func finish() async -> IntakeVerdict {
        beginContent()
        if !partial.isEmpty { takeLine() }
        record(.extracted)
        record(.end)
        flush(above: 0)
        guard !hasFailed, let (status, _) = try? postdrop.finish(), status == 0 else {
            return .refused(Replies.queueWriteError)
        }
        return .accepted
    }

    func abort() async { postdrop.cancel() }

    private func beginContent() {
        guard !hasContent else { return }
        hasContent = true
        record(.message)
    }

    private func takeLine() {
        continueLine(while: { $0 > lineLimit })
        record(.line, partial)
        partial.removeAll(keepingCapacity: true)
    }

    private func continueLine(while tooLong: (Int) -> Bool) {
        while tooLong(partial.count) {
            record(.continued, partial.prefix(lineLimit))
            partial.removeFirst(lineLimit)
        }
    }

    private func record(_ type: RecordType, _ text: String = "") { record(type, text.utf8) }

    private func record(_ type: RecordType, _ payload: some Collection<UInt8>) {
        RecordCodec.append(type, payload, to: &records)
    }

    /// Blocks: the program has nothing else to do meanwhile.
    private func flush(above limit: Int) {
        guard records.count > limit, !hasFailed else { return }
        do { try postdrop.write(records) } catch { hasFailed = true }
        records.removeAll(keepingCapacity: true)
    }
}
