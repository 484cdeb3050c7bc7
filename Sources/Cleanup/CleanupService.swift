import Configuration
import Lookup
import MailSyntax
import MailSystem
import Routing
import Runtime
import Spool

/// Puts messages into the incoming queue (cleanup(8)). One for each set of parameters; a library inside the process
/// that receives or makes the mail.
public final class CleanupService: Sendable {
    let settings: CleanupSettings
    let rewriter: AddressRewriter
    let mapper: AddressMapper
    let aliases: AliasExpander
    let senderBcc: BccMaps
    let recipientBcc: BccMaps
    /// Nil when nothing is to be checked.
    let checks: ContentChecks?
    let queue: QueueDirectory
    let pool: BlockingPool
    let log: MailLog
    let clock: any MailClock
    private let notifyQueue: @Sendable (String) -> Void

    /// Opens the tables; do it before privileges are dropped.
    /// - Parameters:
    ///   - parameters: of the service that receives; its overrides count.
    ///   - pool: where files are written.
    ///   - log: under the tag of cleanup.
    ///   - rewriteLog: under that of trivial-rewrite.
    ///   - notifyQueue: called with the queue id when a message has arrived, not for held ones.
    public init(
        _ parameters: Parameters, opener: TableOpener, queue: QueueDirectory, pool: BlockingPool, log: MailLog,
        rewriteLog: MailLog? = nil, clock: any MailClock = SystemClock(),
        notifyQueue: @escaping @Sendable (String) -> Void
    ) {
        settings = CleanupSettings(parameters)
        let rewriter = AddressRewriter(parameters, log: rewriteLog)
        self.rewriter = rewriter
        let local = LocalDomains(parameters, opener: opener)
        mapper = AddressMapper(parameters, opener: opener, localDomains: local, rewriter: rewriter, log: log)
        aliases = AliasExpander(parameters, opener: opener, localDomains: local, rewriter: rewriter, log: log)
        senderBcc = BccMaps("sender_bcc_maps", parameters, opener: opener, localDomains: local, log: log)
        recipientBcc = BccMaps("recipient_bcc_maps", parameters, opener: opener, localDomains: local, log: log)
        checks = ContentChecks(parameters, opener: opener, log: log)
        self.queue = queue
        self.pool = pool
        self.log = log
        self.clock = clock
        self.notifyQueue = notifyQueue
    }

    /// Creates the queue file, so that the queue id is known, and writes the envelope up to the sender.
    /// - Throws: the file cannot be created; answer `451 4.3.0`.
    public func begin(_ envelope: IncomingEnvelope) async throws(SystemError) -> IncomingMessage {
        let now = clock.now()
        let writer = try await newFile(now)
        let message = IncomingMessage(self, envelope, writer)
        await message.writeSender(created: now)
        return message
    }

    private func newFile(_ now: MailTime) async throws(SystemError) -> QueueFileWriter {
        let queue = queue
        let spares = queue.spares
        let writer = QueueFileWriter.createFromStock(in: queue, time: now)
        if let spares, spares.needsFilling() { pool.submit { spares.fill() } }
        if let writer { return writer }
        return try await pool.run { () throws(SystemError) in try QueueFileWriter.create(in: queue, time: now) }
    }

    func announce(_ queueID: String) { notifyQueue(queueID) }
}
