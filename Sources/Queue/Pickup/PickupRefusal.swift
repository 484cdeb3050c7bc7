import Cleanup
import MailSystem
import Spool

/// A local submission that cleanup refuses for good: the submitting program is long gone, so the sender gets a bounce.
enum PickupRefusal {
    /// Recipients that the bounce names.
    private static let recipientLimit = 1000

    /// - Returns: true when the sender was told, or nobody can be.
    static func notify(
        _ reader: MaildropReader, id: QueueID, problem: CleanupProblem, directory: QueueDirectory,
        work: any BlockingWork, notifications: NotificationService
    ) async -> Bool {
        let recipients = try? await work.run {
            let file = try directory.open(queue: "maildrop", id: id)
            defer { file.close() }
            let reader = try MaildropReader(file: file, status: file.status())
            let found = try reader.nextRecipients(.envelope, recipientLimit)
            if found.count >= recipientLimit { return found }
            return try found + reader.nextRecipients(.extracted, recipientLimit - found.count)
        }
        var message = QueuedMessage()
        message.sender = reader.envelope.sender ?? ""
        message.arrival = reader.envelope.arrival ?? reader.status.modified
        message.dsnEnvelopeID = reader.envelope.envelopeID
        // The header is enough: the content was the problem.
        message.dsnReturn = 2
        message.size.dataOffset = reader.dataOffset
        let entries = (recipients ?? []).map { recipient in
            RecipientLogEntry(
                recipient: recipient.address, dsnOriginalRecipient: recipient.dsnOriginal,
                dsnNotify: recipient.dsnNotify, status: problem.status, action: "failed", reason: problem.text)
        }
        return await notifications.notify(.failure, id: id, message: message, entries: entries) {
            try QueueFileReader.open(directory, queue: "maildrop", id: id)
        }
    }
}
