import MailSystem
import Spool

/// What crashes left in the queue is removed while the queue is at work.
extension QueueManager {
    /// Part of each queue run. Logs are looked at in the first two runs of a process only: a crash is over then.
    func removeLeftovers() async {
        let leftovers = Leftovers(environment.store.directory)
        let now = environment.clock.now()
        do {
            for path in try await environment.work.run({ try leftovers.removeUnfinished(now: now) }) {
                log.warning("\(path): removed, its writer did not finish it")
            }
            switch logSweep {
            case .none: logSweep = .found(try await environment.work.run { try leftovers.orphanCandidates() })
            case .found(let candidates):
                logSweep = .done
                for log in try await environment.work.run({ leftovers.removeOrphans(candidates) }) {
                    self.log.warning("\(log.queue)/\(log.id): removed, there is no such message")
                }
            case .done: break
            }
        } catch {
            log.warning("look for leftovers: \(error)")
        }
    }

    /// How far the look for logs without a message has come.
    enum LogSweep {
        case none
        case found([Leftovers.Log])
        case done
    }
}
