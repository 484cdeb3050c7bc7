import Cleanup
import InternalProtocol
import MailSyntax
import MailSystem
import Runtime
import Spool

/// Submits what local delivery sends on: a new message with the content of one that is in the active queue.
struct ForwardService: Sendable {
    let cleanup: CleanupService
    let directory: QueueDirectory
    let pool: BlockingPool
    let clock: any MailClock
    /// enable_original_recipient and friends are cleanup's; this is prepend_delivered_header's `forward`.
    static let pieceSize = 128 << 10

    func submit(_ request: ForwardRequest) async -> ForwardReply {
        do {
            return try await forward(request)
        } catch {
            return .refused(status: "4.3.0", reason: "cannot forward mail: \(error)")
        }
    }

    private func forward(_ request: ForwardRequest) async throws -> ForwardReply {
        let original = request.original
        guard let id = QueueID(original.queueID) else { return .refused(status: "4.3.0", reason: "bad queue id") }
        let (directory, queue) = (directory, original.queueName)
        let file = try await pool.run { () throws(SystemError) in try directory.open(queue: queue, id: id) }
        defer { file.close() }
        let size = try await pool.run { () throws(SystemError) in try file.status().size }
        let content = ContentReader(file: file, size: size, dataOffset: original.dataOffset, format: .text)

        var envelope = IncomingEnvelope(
            source: .forwarded, sender: request.sender,
            arrival: clock.now())
        envelope.encoding = original.encoding
        envelope.dsnEnvelopeID = original.envelopeID
        envelope.dsnReturn = original.dsnReturn
        envelope.sendOptions = SizeRecord.SendOptions(rawValue: original.sendOptions & 1)
        envelope.client = client(original.origin)
        let draft = try await cleanup.begin(envelope)
        for recipient in request.recipients {
            await draft.addRecipient(
                RecipientSpec(
                    recipient.address,
                    original: recipient.originalAddress.isEmpty ? nil : recipient.originalAddress,
                    dsnNotify: recipient.dsnNotify, dsnOriginal: recipient.dsnOriginalRecipient))
        }
        await draft.prependReceived()
        if !request.deliveredTo.isEmpty {
            await draft.prependHeader("Delivered-To: \(EmailAddress.quoted(request.deliveredTo))")
        }
        do throws(QueueFileError) {
            while let chunk = try await pool.run({ () throws(QueueFileError) in try content.nextChunk(Self.pieceSize) })
            {
                await draft.append(chunk)
            }
        } catch {
            await draft.abort()
            await pool.run { DamagedContent.mark(file, after: error) }
            throw error
        }
        switch await draft.finish() {
        case .accepted(let queueID, _), .discarded(let queueID): return .accepted(queueID: queueID)
        case .refused(let problem): return .refused(status: problem.status, reason: problem.text)
        }
    }

    /// The first client of the message stays on record.
    private func client(_ origin: MessageOrigin) -> ClientFacts? {
        guard !origin.clientAddress.isEmpty else { return nil }
        var facts = ClientFacts()
        facts.clientName = origin.clientName
        facts.clientAddress = origin.clientAddress
        facts.clientPort = origin.clientPort
        facts.heloName = origin.heloName
        facts.protocolName = origin.protocolName
        return facts
    }
}
