import InternalProtocol
import MailSystem
import Synchronization

/// anvil(8) for the processes that receive mail.
final class AnvilService: Sendable {
    private let table: Mutex<AnvilTable>
    private let clock: any MailClock
    private let log: MailLog

    init(rateUnit: Int, clock: any MailClock, log: MailLog) {
        table = Mutex(AnvilTable(rateUnit: rateUnit))
        self.clock = clock
        self.log = log
    }

    var handlers: InternalHandlers {
        var handlers = InternalHandlers()
        handlers.on(AnvilRequest.self) { [self] request, peer in
            let now = Moment(nanoseconds: clock.monotonicNanoseconds())
            return table.withLock { $0.note(request, from: peer, now: now, wall: clock.now()) }
        }
        handlers.onClose { [self] peer in table.withLock { $0.forget(peer) } }
        return handlers
    }

    /// Every anvil_status_update_time, and at the end.
    func logStatistics() {
        for line in table.withLock({ $0.statistics(format: LocalTime.syslogStamp) }) { log.info(line) }
    }
}
