import Cleanup
import Glibc
import MailSyntax
import MailSystem
import Routing
import Spool

/// pickup(8): brings what sendmail(1) dropped into `maildrop/` into the queue. A file is removed when its message is
/// safely queued; what cannot be taken now stays for the next scan.
actor PickupService {
    struct Settings: Sendable {
        /// content_filter of the pickup service.
        var contentFilter = ""
        /// Off with receive_override_options = no_address_mappings.
        var mapsAddresses = true
        var checksContent = true
        /// The user id of mail_owner: files of that user without read permission for others come from `postsuper -r`.
        var owner: UInt32 = 0
        var logsInternalAddresses = false
    }

    private let settings: Settings
    private let directory: QueueDirectory
    private let cleanup: CleanupService
    private let work: any BlockingWork
    private let clock: any MailClock
    private let log: MailLog
    /// Waits while the queue is behind.
    private let pace: @Sendable () async -> Void
    /// A message that can never be queued: its sender is told.
    private let returnToSender: @Sendable (MaildropReader, QueueID, CleanupProblem) async -> Bool
    /// Queued already, but their files could not be removed.
    private var queued: Set<QueueID> = []
    private var isScanning = false
    private var scanAgain = false
    private var isStopped = false
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []

    /// Files taken up at one time.
    private static let parallel = 8

    init(
        settings: Settings, directory: QueueDirectory, cleanup: CleanupService, work: any BlockingWork,
        clock: any MailClock, log: MailLog,
        pace: @escaping @Sendable () async -> Void = {},
        returnToSender: @escaping @Sendable (MaildropReader, QueueID, CleanupProblem) async -> Bool
    ) {
        self.settings = settings
        self.directory = directory
        self.cleanup = cleanup
        self.work = work
        self.clock = clock
        self.log = log
        self.pace = pace
        self.returnToSender = returnToSender
    }

    /// Takes up nothing more; returns when what is under way is done: the next generation must not meet its files, and
    /// would queue again what is still there.
    func stop() async {
        isStopped = true
        if isScanning { await withCheckedContinuation { stopWaiters.append($0) } }
        for id in queued { await remove(id) }
    }

    /// Takes up everything in `maildrop/`. Called while a scan runs, it makes the scan start over once.
    func scan() async {
        guard !isStopped else { return }
        guard !isScanning else {
            scanAgain = true
            return
        }
        isScanning = true
        repeat {
            scanAgain = false
            await scanOnce()
        } while scanAgain && !isStopped
        isScanning = false
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters = []
    }

    private func scanOnce() async {
        let scan = directory.scan("maildrop")
        let next = { @Sendable [work] in (try? await work.run { try scan.next(Self.parallel) }) ?? [] }
        var ids = await next()
        while !ids.isEmpty, !isStopped {
            await withTaskGroup(of: Void.self) { group in
                for id in ids { group.addTask { await self.pickUp(id) } }
            }
            ids = await next()
        }
        scan.close()
    }

    private enum Taken: Sendable {
        case open(MaildropReader)
        case skip
        case corrupt(uid: UInt32, isRequeued: Bool, reason: String)
        case failed(SystemError)
    }

    /// A complete regular file whose one name is the one it was opened by; anything else is still being written, or somebody's
    /// trick. The name is looked at last: a link to somebody else's file may have gone since the file was opened.
    private static func take(_ id: QueueID, _ directory: QueueDirectory, owner: UInt32) -> Taken {
        do {
            let file = try directory.open(queue: "maildrop", id: id)
            let status = try file.status()
            guard status.isReadyQueueFile, let named = try? directory.status(queue: "maildrop", id: id),
                named.inode == status.inode, named.device == status.device, named.links == 1
            else {
                file.close()
                return .skip
            }
            do {
                return .open(try MaildropReader(file: file, status: status))
            } catch .system(let error) {
                // Not readable now is not damaged.
                file.close()
                return .failed(error)
            } catch {
                file.close()
                return .corrupt(
                    uid: status.owner, isRequeued: isRequeued(status, owner: owner), reason: error.description)
            }
        } catch {
            return error.errno == ENOENT || error.errno == EACCES || error.errno == ELOOP ? .skip : .failed(error)
        }
    }

    private static func isRequeued(_ status: FileStatus, owner: UInt32) -> Bool {
        status.owner == owner && status.mode & 0o004 == 0
    }

    private func pickUp(_ id: QueueID) async {
        if queued.contains(id) { return await remove(id) }
        let (directory, owner) = (directory, settings.owner)
        guard let taken = try? await work.run({ Self.take(id, directory, owner: owner) }) else { return }
        switch taken {
        case .skip: break
        case .failed(let error): log.warning("\(id): \(error)")
        case .corrupt(let uid, let isRequeued, let reason): await discard(id, uid, isRequeued, reason)
        case .open(let reader):
            await pickUp(id, reader)
            reader.close()
        }
    }

    private func pickUp(_ id: QueueID, _ reader: MaildropReader) async {
        let isRequeued = Self.isRequeued(reader.status, owner: settings.owner)
        await pace()
        let message: IncomingMessage
        do {
            message = try await cleanup.begin(incoming(reader.envelope, reader.status, isRequeued: isRequeued))
        } catch {
            return log.warning("\(id): \(error)")
        }
        do {
            try await copy(reader, to: message, id: id, isRequeued: isRequeued)
        } catch let error as QueueFileError {
            await message.abort()
            if case .corrupt(let reason, _) = error { await discard(id, reader.status.owner, isRequeued, reason) }
            return
        } catch {
            await message.abort()
            return log.warning("\(id): \(error)")
        }
        switch await message.finish() {
        case .accepted, .discarded: await remove(id)
        case .refused(let problem):
            log.warning("maildrop/\(id): error writing \(message.queueID): \(problem.text)")
            if problem == .writeFailure || problem.isTransient { return }
            if await returnToSender(reader, id, problem) { await remove(id) }
        }
    }

    private func copy(
        _ reader: MaildropReader, to message: IncomingMessage, id: QueueID, isRequeued: Bool
    ) async throws {
        let sender = reader.envelope.sender ?? ""
        let shown = settings.logsInternalAddresses ? sender : EmailAddress.quoted(sender)
        let origin = isRequeued ? " orig_id=\(id)" : ""
        log.info("\(message.queueID): uid=\(reader.status.owner) from=<\(shown)>\(origin)")
        try await addRecipients(of: .envelope, reader, to: message)
        await message.prependReceived(comment: "from userid \(reader.status.owner)")
        while let chunk = try await work.run({ try reader.nextContent() }) {
            await message.append(chunk)
            if message.isRefused { return }
        }
        // Those of `sendmail -t` stay behind the content, as Postfix has them.
        try await addRecipients(of: .extracted, reader, to: message)
    }

    private func addRecipients(
        of segment: MaildropReader.Segment, _ reader: MaildropReader, to message: IncomingMessage
    ) async throws {
        while true {
            let batch = try await work.run { try reader.nextRecipients(segment, 500) }
            if batch.isEmpty { return }
            for recipient in batch {
                await message.addRecipient(
                    RecipientSpec(
                        recipient.address, original: recipient.original, dsnNotify: recipient.dsnNotify,
                        dsnOriginal: recipient.dsnOriginal))
            }
        }
    }

    private func incoming(_ envelope: MaildropEnvelope, _ status: FileStatus, isRequeued: Bool) -> IncomingEnvelope {
        var result = IncomingEnvelope(
            source: .local, sender: envelope.sender ?? "", arrival: envelope.arrival ?? status.modified)
        result.fullName = envelope.fullName
        result.dsnEnvelopeID = envelope.envelopeID
        result.dsnReturn = envelope.dsnReturn
        result.encoding = envelope.encoding
        result.rewriteContext = envelope.rewriteContext == "remote" ? .remote : .local
        result.sendOptions = envelope.sendOptions
        result.contentFilter = settings.contentFilter
        result.verp = envelope.verp
        result.traceFlags = envelope.traceFlags
        result.mapsAddresses = settings.mapsAddresses
        result.checksContent = settings.checksContent
        if isRequeued { result.client = client(envelope.attributes) }
        return result
    }

    /// A requeued message keeps what is known of the client that sent it.
    private func client(_ attributes: [String: String]) -> ClientFacts? {
        func value(_ name: String) -> String { attributes["log_" + name] ?? attributes[name] ?? "" }
        guard !value("client_address").isEmpty else { return nil }
        var facts = ClientFacts()
        facts.clientName = value("client_name")
        facts.clientAddress = value("client_address")
        facts.clientPort = value("client_port")
        facts.heloName = value("helo_name")
        facts.protocolName = value("protocol_name")
        facts.saslMethod = attributes["sasl_method"] ?? ""
        facts.saslUsername = attributes["sasl_username"] ?? ""
        facts.saslSender = attributes["sasl_sender"] ?? ""
        return facts
    }

    private func remove(_ id: QueueID) async {
        do {
            let directory = directory
            try await work.run { try directory.remove(queue: "maildrop", id: id) }
            queued.remove(id)
        } catch {
            // Not to be queued a second time.
            if (error as? SystemError)?.errno == ENOENT { queued.remove(id) } else { queued.insert(id) }
            log.warning("\(id): \(error)")
        }
    }

    /// A damaged file of a user is removed; a requeued message is kept for inspection.
    private func discard(_ id: QueueID, _ uid: UInt32, _ isRequeued: Bool, _ reason: String) async {
        log.warning("\(id): uid=\(uid): \(reason)")
        guard isRequeued else { return await remove(id) }
        let directory = directory
        _ = try? await work.run { try directory.quarantine(queue: "maildrop", id: id) }
        log.warning("saving corrupt file \"\(id)\" from queue \"maildrop\" to queue \"corrupt\"")
    }
}
