import Configuration
import InternalProtocol
import Lookup
import MailSystem
import NIOConcurrencyHelpers
import NIOCore
import Routing
import Runtime
import Spool

/// Delivers to the users of this system: local(8).
struct LocalAgent: DeliveryAgent {
    let context: AgentContext
    private let settings: LocalSettings
    private let resolver: AddressResolver
    private let rewriter: AddressRewriter
    private let queue: any InternalCaller
    private let agents: @Sendable (String) -> any InternalCaller

    /// - Parameters:
    ///   - queue: takes forwarded mail.
    ///   - agents: other delivery agents by service name (mailbox_transport).
    init(
        _ context: AgentContext, opener: TableOpener, queue: any InternalCaller,
        agents: @escaping @Sendable (String) -> any InternalCaller
    ) {
        self.context = context
        settings = LocalSettings(context.parameters, opener: opener, users: context.users)
        resolver = AddressResolver(context.parameters, opener: opener, log: context.log)
        rewriter = AddressRewriter(context.parameters)
        self.queue = queue
        self.agents = agents
    }

    func deliver(_ request: DeliveryRequest) async -> DeliveryReport {
        let reporter = DeliveryReporter(request, relay: "local", agent: context)
        let access = context.queue
        let opened: Result<(QueuedFile, Set<String>), any Error> = await context.pool.run {
            Result {
                let file = try access.open(request)
                do throws(QueueFileError) {
                    return (file, try DeliveredTo.addresses(in: file.content()))
                } catch {
                    DamagedContent.mark(file.file, after: error)
                    file.file.close()
                    throw error
                }
            }
        }
        let file: QueuedFile
        let seen: Set<String>
        switch opened {
        case .success(let found): (file, seen) = found
        case .failure(let error):
            context.log.warning("\(request.queueID): \(error)")
            return reporter.all(.deferred("4.3.0", "queue file access error: \(error)"), file: nil)
        }
        var results: [RecipientResult] = []
        for recipient in request.recipients {
            let delivery = LocalDelivery(
                context: context, settings: settings, resolver: resolver, rewriter: rewriter, queue: queue,
                agents: agents, request: request, recipient: recipient, file: file, seen: seen, reporter: reporter)
            let verdict = await delivery.run()
            results.append(
                await context.pool.run { reporter.finish(verdict, recipient, file: file) })
        }
        await context.pool.run { file.file.close() }
        return DeliveryReport(results: results)
    }
}
