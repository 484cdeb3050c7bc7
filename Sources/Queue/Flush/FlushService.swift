import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import Spool

/// flush(8): remembers deferred mail by destination, and delivers it when a site asks (ETRN, `postqueue -s`, `-i`).
final class FlushService: Sendable {
    private let list: FlushList
    private let work: any BlockingWork
    private let clock: any MailClock
    private let domains: DomainList
    private let refreshTime: Int
    private let purgeTime: Int
    private let log: MailLog
    /// New work stands in the incoming queue.
    private let scanIncoming: @Sendable () async -> Void

    /// - Parameters:
    ///   - domains: fast_flush_domains.
    ///   - refreshTime, purgeTime: fast_flush_refresh_time, fast_flush_purge_time, in seconds.
    init(
        list: FlushList, work: any BlockingWork, clock: any MailClock, domains: DomainList, refreshTime: Int,
        purgeTime: Int, log: MailLog, scanIncoming: @escaping @Sendable () async -> Void
    ) {
        self.list = list
        self.work = work
        self.clock = clock
        self.domains = domains
        self.refreshTime = refreshTime
        self.purgeTime = purgeTime
        self.log = log
        self.scanIncoming = scanIncoming
    }

    /// Whether any destination is eligible at all.
    var isUsed: Bool { !domains.isEmpty }

    func add(_ site: String, _ id: QueueID) async -> FlushReply {
        guard let name = FlushList.name(of: site) else { return .badSite }
        switch await eligible(site) {
        case nil: return .failed
        case false?: return .unknownSite
        case true?: break
        }
        let list = list
        return await attempt { try list.add(id, to: name) }
    }

    func sendSite(_ site: String) async -> FlushReply {
        guard let name = FlushList.name(of: site) else { return .badSite }
        switch await eligible(site) {
        case nil: return .failed
        case false?: return .unknownSite
        case true?: break
        }
        let (list, now) = (list, clock.now())
        let reply = await attempt { _ = try list.send(name, now: now) }
        await scanIncoming()
        return reply
    }

    func sendFile(_ id: String) async -> FlushReply {
        guard let id = QueueID(id) else { return .badSite }
        let (list, now) = (list, clock.now())
        let reply = await attempt { _ = list.release(id, now: now) }
        await scanIncoming()
        return reply
    }

    func refresh(all: Bool) async -> FlushReply {
        let (list, now) = (list, clock.now())
        let (refreshTime, purgeTime) = all ? (0, 0) : (refreshTime, purgeTime)
        let reply = await attempt {
            _ = try list.refresh(now: now, refreshTime: refreshTime, purgeTime: purgeTime)
        }
        await scanIncoming()
        return reply
    }

    private func attempt(_ body: @escaping @Sendable () throws -> Void) async -> FlushReply {
        do {
            try await work.run(body)
            return .done
        } catch {
            log.warning("\(error)")
            return .failed
        }
    }

    private func eligible(_ site: String) async -> Bool? {
        do {
            return try await domains.matches(site)
        } catch {
            log.warning("fast_flush_domains: \(error)")
            return nil
        }
    }
}
