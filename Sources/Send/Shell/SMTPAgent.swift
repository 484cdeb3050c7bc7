import Configuration
import DNS
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import NIOCore
import Runtime
import Spool
import TLS

/// Something that delivers: one for each master.cf line.
protocol DeliveryAgent: Sendable {
    func deliver(_ request: DeliveryRequest) async -> DeliveryReport
    /// Lets go of what waits for more work.
    func close()
}

extension DeliveryAgent {
    func close() {}
}

/// smtp(8), relay and lmtp(8): delivers over the network.
struct SMTPAgent: DeliveryAgent {
    let service: String
    let settings: ClientSettings
    let servers: ServerList
    let connector: Connector
    let cache = SessionCache()
    /// smtp_connection_cache_destinations
    let cachedDestinations: DomainList
    let queue: QueueDirectory
    let pool: BlockingPool
    let log: MailLog
    let clock: any MailClock
    /// Other delivery agents by service name (best_mx_transport).
    var agents: @Sendable (String) -> any InternalCaller = { _ in LoopbackConnection(InternalHandlers()) }

    func deliver(_ request: DeliveryRequest) async -> DeliveryReport {
        let recorder = DeliveryRecorder(
            request: request, settings: settings, log: log, clock: clock, handed: clock.now())
        guard let id = QueueID(request.queueID) else {
            return recorder.failAll(.init(status: "4.3.0", reason: "bad queue id"))
        }
        let content: MessageContent
        do {
            content = try await MessageContent.open(
                queue, name: request.queueName, id: id, dataOffset: request.dataOffset,
                lineLimit: settings.lineLengthLimit, pool: pool)
        } catch {
            log.warning("\(request.queueID): queue file: \(error)")
            return recorder.failAll(.init(status: "4.3.0", reason: "mail system configuration or queue file error"))
        }
        let job = DeliveryJob(agent: self, request: request, content: content, recorder: recorder)
        await job.run()
        return job.recorder.report
    }

    func close() { cache.clear() }
}
