import MailSyntax
import MailSystem
import Spool

/// The recipients of one message: rewriting, mapping, aliases, bcc, duplicates, and their records.
struct RecipientSection {
    private let service: CleanupService
    private let envelope: IncomingEnvelope
    private let writer: QueueFileWriter
    private var duplicates: DuplicateFilter
    private(set) var count = 0
    /// The recipient that was given last, for log lines.
    private(set) var last = ""
    private(set) var flags: SizeRecord.QueueFlags = []
    /// Successes to be reported: the sender asked, and an alias took the place of the recipient.
    private(set) var expanded: [RecipientLogEntry] = []

    init(_ service: CleanupService, _ envelope: IncomingEnvelope, _ writer: QueueFileWriter) {
        self.service = service
        self.envelope = envelope
        self.writer = writer
        duplicates = DuplicateFilter(
            limit: service.settings.duplicateLimit, usesOriginal: service.settings.keepsOriginalRecipient)
    }

    private var queueID: String { writer.id.text }

    /// Recipients of BCC actions: Postfix notes in the size record, and nowhere else, that nobody is told about them.
    mutating func markUnannounced() { flags.formUnion(.notify(1)) }

    mutating func add(_ spec: RecipientSpec) async throws(MappingFailure) {
        let address = try await complete(spec.address)
        last = spec.address
        let type = ASCII.isASCII(address) ? "rfc822" : "utf-8"
        let dsnOriginal =
            spec.dsnOriginal.isEmpty ? "\(type);\(address)" : spec.dsnOriginal
        flags.formUnion(.notify(spec.dsnNotify))
        try await write(
            address, original: spec.original ?? spec.address, dsnOriginal: dsnOriginal, dsnNotify: spec.dsnNotify)
        guard envelope.wantsBcc, let bcc = try await service.recipientBcc.find(address, queueID: queueID), !bcc.isEmpty
        else { return }
        try await addBcc(bcc)
    }

    /// An automatic recipient: nobody asked for it, so nobody is told about it.
    mutating func addBcc(_ address: String) async throws(MappingFailure) {
        let complete = try await complete(address)
        try await write(complete, original: complete, dsnOriginal: "", dsnNotify: 1)
    }

    private func complete(_ address: String) async throws(MappingFailure) -> String {
        let rewritten = service.rewriter.rewrite(address.isEmpty ? service.settings.emptyRecipient : address)
        guard envelope.mapsAddresses, !rewritten.isEmpty, !service.mapper.isIdentity else { return rewritten }
        return try await service.mapper.map(rewritten, role: .envelopeRecipient, queueID: queueID)
    }

    private mutating func write(
        _ address: String, original: String, dsnOriginal: String, dsnNotify: Int
    ) async throws(MappingFailure) {
        var notify = dsnNotify
        var addresses = [address]
        if envelope.mapsAddresses, !service.aliases.isEmpty {
            addresses = try await service.aliases.expand(address, queueID: queueID)
            let success = 2
            if notify & success != 0, addresses.count > 1 || !ASCII.identical(addresses[0], address) {
                // RFC 3461 §5.2.7.3: the alias is the success; the new recipients report failures only.
                noteExpansion(address, original, dsnOriginal, notify)
                let never = 1
                notify = notify == success ? never : notify & ~success
            }
        }
        for recipient in addresses {
            if duplicates.isDuplicate(
                recipient: recipient, original: original, dsnOriginal: dsnOriginal, dsnNotify: notify)
            {
                continue
            }
            if notify != 0 { writer.append(attribute: "notify_flags", "\(notify)") }
            if !dsnOriginal.isEmpty { writer.append(attribute: "dsn_orig_rcpt", dsnOriginal) }
            writer.append(.originalRecipient, original)
            writer.append(.recipient, recipient)
            count += 1
        }
    }

    private mutating func noteExpansion(_ address: String, _ original: String, _ dsnOriginal: String, _ notify: Int) {
        expanded.append(
            RecipientLogEntry(
                recipient: address, originalRecipient: original, dsnOriginalRecipient: dsnOriginal, dsnNotify: notify,
                status: "2.0.0", action: "expanded", reason: "alias expanded"))
    }
}
