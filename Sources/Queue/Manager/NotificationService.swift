import Cleanup
import Glibc
import MailSyntax
import MailSystem
import Spool

/// Sends notifications: their text comes from `Notification`, their way into the queue is cleanup's (bounce(8)).
struct NotificationService: Notifier {
    let settings: NotificationSettings
    let plan: NotificationPlan.Settings
    let directory: QueueDirectory
    let cleanup: CleanupService
    let work: any BlockingWork
    let clock: any MailClock
    /// Tag `postfix/bounce`.
    let log: MailLog

    private static let internationalized: SizeRecord.SendOptions = [
        .smtputf8Header, .smtputf8Sender, .smtputf8Recipient,
    ]

    /// Text that collects before it goes to the queue file.
    private static let pieceSize = 128 << 10

    func notify(_ kind: NotificationKind, id: QueueID, message: QueuedMessage) async -> Bool {
        let entries = StoredNotificationLog(directory, queue: kind.log, id: id)
        let directory = directory
        if returnsSeparately(kind, message) {
            return await notifyEach(kind, id: id, message: message, entries: entries) {
                try QueueFileReader.open(directory, queue: "active", id: id)
            }
        }
        return await notify(kind, id: id, message: message, entries: entries) {
            try QueueFileReader.open(directory, queue: "active", id: id)
        }
    }

    /// VERP: a bounce for each recipient, to the sender address that it saw.
    private func returnsSeparately(_ kind: NotificationKind, _ message: QueuedMessage) -> Bool {
        (kind == .failure || kind == .expired) && plan.returnsSeparately && !message.sender.isEmpty
            && VERPDelimiters(message.verp) != nil
    }

    private func notifyEach(
        _ kind: NotificationKind, id: QueueID, message: QueuedMessage, entries: StoredNotificationLog,
        original: @escaping @Sendable () throws -> QueueFileReader
    ) async -> Bool {
        let delimiters = VERPDelimiters(message.verp)
        var done = 0
        while true {
            let start = done
            guard let batch = try? await work.run({ try entries.batch(from: start, count: 100) }) else { return false }
            for entry in batch {
                let seen = entry.originalRecipient.isEmpty ? entry.recipient : entry.originalRecipient
                let sent = await notify(
                    kind, id: id, message: message, entries: [entry],
                    returnPath: delimiters?.sender(message.sender, for: seen), original: original)
                if !sent { return false }
            }
            if batch.isEmpty { return true }
            done += batch.count
        }
    }

    /// - Parameters:
    ///   - returnPath: who is told, when it is not the sender of the message.
    ///   - original: opens the file of the reported message.
    func notify(
        _ kind: NotificationKind, id: QueueID, message: QueuedMessage, entries: some NotificationLog & Sendable,
        returnPath: String? = nil, original: @escaping @Sendable () throws -> QueueFileReader
    ) async -> Bool {
        let plan = NotificationPlan(kind, sender: returnPath ?? message.sender, settings: plan)
        if plan.isDiscarded { log.info("\(id): undeliverable postmaster notification discarded") }
        for (index, notice) in plan.notices.enumerated() {
            let sent = await send(notice, id: id, message: message, entries: entries, original: original)
            // The postmaster's copy is a service: the sender is not told twice because of it.
            if !sent, index == 0 { return false }
        }
        return true
    }

    private func send(
        _ notice: NotificationPlan.Notice, id: QueueID, message: QueuedMessage,
        entries: some NotificationLog & Sendable, original: @escaping @Sendable () throws -> QueueFileReader
    ) async -> Bool {
        let now = clock.now()
        let notification = Notification(
            notice.report, to: notice.recipient, subject: .init(queueID: id.text, message: message),
            settings: settings, now: now)
        do {
            guard try await work.run({ try Notification.count(notice.report, in: entries) }) > 0 else { return true }
            var envelope = IncomingEnvelope(source: .generated, sender: notice.sender, arrival: now)
            envelope.sendOptions = message.size.sendOptions.intersection(.smtputf8Requested)
            // Its parts have what the message had (message/global): they must not go to a server that cannot take them.
            if notification.isGlobal, !message.size.sendOptions.isDisjoint(with: Self.internationalized) {
                envelope.sendOptions.insert(.smtputf8Header)
            }
            let draft = try await cleanup.begin(envelope)
            await draft.addRecipient(RecipientSpec(notice.recipient))
            await draft.prependReceived()
            await draft.prependHeader("Date: \(LocalTime.rfc5322(now))")
            try await write(notification, entries, original, to: draft)
            switch await draft.finish() {
            case .accepted(let queueID, _), .discarded(let queueID):
                log.info("\(id): \(notice.label): \(queueID)")
                return true
            case .refused(let problem):
                log.warning("\(id): \(notice.label): \(problem.text)")
                // A bounce that loops is not tried for ever; one that is too large today may fit tomorrow.
                return problem == .tooManyHops
            }
        } catch {
            log.warning("\(id): \(notice.label): \(error)")
            return false
        }
    }

    /// Writes piece by piece: neither a long log nor a large message is held in memory.
    private func write(
        _ notification: Notification, _ entries: some NotificationLog & Sendable,
        _ original: @escaping @Sendable () throws -> QueueFileReader, to draft: IncomingMessage
    ) async throws {
        let reader = try await work.run { try Self.open(original) }
        let text = NotificationText(notification, log: entries, original: reader)
        do {
            while let piece = try await work.run({ try text.next(Self.pieceSize) }) { await draft.append(piece) }
        } catch {
            await draft.abort()
            // Of the message, or of the log.
            if let reader, case QueueFileError.corrupt = error {
                let offset = notification.subject.message.size.dataOffset
                _ = try? await work.run {
                    DamagedContent.mark(reader.file, size: reader.size, dataOffset: offset)
                }
            }
            await close(text, reader)
            throw error
        }
        await close(text, reader)
    }

    /// Without the message where it cannot be read; later where the process has no descriptor left.
    private static func open(_ original: () throws -> QueueFileReader) throws -> QueueFileReader? {
        do {
            return try original()
        } catch let error as SystemError where [EMFILE, ENFILE, ENOMEM].contains(error.errno) {
            throw error
        } catch {
            return nil
        }
    }

    private func close(_ text: NotificationText, _ reader: QueueFileReader?) async {
        _ = try? await work.run {
            text.close()
            reader?.close()
        }
    }
}
