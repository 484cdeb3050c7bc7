import Configuration
import InternalProtocol
import MailSyntax
import MailSystem
import Runtime
import Spool

/// error(8): every recipient gets the next hop as the reason. The service named `retry` defers, others bounce.
struct ErrorAgent: DeliveryAgent {
    let defers: Bool
    let softBounce: Bool
    let log: MailLog
    let clock: any MailClock

    func deliver(_ request: DeliveryRequest) async -> DeliveryReport {
        var settings = ClientSettings()
        settings.softBounce = softBounce
        let recorder = DeliveryRecorder(
            request: request, settings: settings, log: log, clock: clock, handed: clock.now())
        let wanted = defers ? 4 : 5
        var status = "\(wanted).0.0"
        var text = request.nexthop
        if let (own, rest) = EnhancedStatus.split(request.nexthop) {
            // A status of the other class is turned into one that fits.
            status = own.withClass(wanted).description
            text = rest
        }
        return recorder.failAll(.init(status: status, reason: text))
    }
}

/// discard(8): every recipient is delivered nowhere.
struct DiscardAgent: DeliveryAgent {
    let queue: QueueDirectory
    let pool: BlockingPool
    let log: MailLog
    let clock: any MailClock

    func deliver(_ request: DeliveryRequest) async -> DeliveryReport {
        var recorder = DeliveryRecorder(
            request: request, settings: ClientSettings(), log: log, clock: clock, handed: clock.now())
        guard let id = QueueID(request.queueID) else {
            return recorder.failAll(.init(status: "4.3.0", reason: "bad queue id"))
        }
        let offsets = request.recipients.map(\.offset)
        let isProbe = !request.flags.isDisjoint(with: [.verifyForMTA, .verifyForUser])
        do {
            if !isProbe {
                try await pool.run { [queue] in
                    let file = try queue.open(queue: request.queueName, id: id, writing: true)
                    defer { file.close() }
                    for offset in offsets { try QueueFileReader.markDone(file, at: offset) }
                }
            }
        } catch {
            log.warning("\(request.queueID): queue file: \(error)")
            return recorder.failAll(.init(status: "4.3.0", reason: "mail system configuration or queue file error"))
        }
        var status = "2.0.0"
        var text = request.nexthop
        if let (own, rest) = EnhancedStatus.split(request.nexthop) {
            status = own.withClass(2).description
            text = rest
        }
        for index in request.recipients.indices {
            _ = recorder.record(index, .init(kind: .sent, status: status, text: text, diagnostic: ""), .init())
        }
        return recorder.report
    }
}
