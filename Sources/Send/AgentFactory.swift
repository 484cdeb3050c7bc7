import Configuration
import DNS
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import Runtime
import Spool
import TLS

/// Makes the agent of a master.cf line, while tables and keys can still be read.
struct AgentFactory {
    let context: ProcessContext
    let resolver: any Resolver
    let hosts: HostsFile
    let opener: TableOpener

    /// Nil for a program that this process does not host.
    func agent(for hosted: HostedService) throws -> (any DeliveryAgent)? {
        let log = hosted.log(context.logSink)
        switch hosted.service.program {
        case "smtp", "lmtp": return network(hosted, log)
        case "error":
            return ErrorAgent(
                defers: hosted.service.name == "retry", softBounce: hosted.parameters.bool("soft_bounce"), log: log,
                clock: context.clock)
        case "discard": return DiscardAgent(queue: queue, pool: context.pool, log: log, clock: context.clock)
        default: return nil
        }
    }

    private var queue: QueueDirectory {
        let parameters = context.parameters
        return QueueDirectory(
            store: context.store, hashNames: parameters.list("hash_queue_names"),
            hashDepth: parameters.int("hash_queue_depth"), longIDs: parameters.bool("enable_long_queue_ids"),
            processID: context.machine.processID)
    }

    private func network(_ hosted: HostedService, _ log: MailLog) -> SMTPAgent {
        let parameters = hosted.parameters
        let settings = ClientSettings(parameters, program: hosted.service.program)
        let lookup = HostLookup(
            resolver: resolver, hosts: hosts,
            families: AddressFamilies(inetProtocols: parameters["inet_protocols"]),
            methods: methods(parameters, settings))
        let own = Set(parameters.ownAddresses.compactMap { IPAddress(bytes: $0) })
        let others = ServiceConnections(eventLoop: context.group.next(), sockets: context.machine.sockets)
        return SMTPAgent(
            service: hosted.service.name, settings: settings,
            servers: ServerList(settings: settings, lookup: lookup, own: own),
            connector: Connector(
                settings: settings, tls: tlsContext(parameters, settings, log), log: log, clock: context.clock,
                group: context.group, sockets: context.machine.sockets),
            cachedDestinations: DomainList(
                parameters["\(settings.mode.rawValue)_connection_cache_destinations"],
                name: "\(settings.mode.rawValue)_connection_cache_destinations", opener: opener.logging(to: log)),
            queue: queue, pool: context.pool, log: log, clock: context.clock, agents: { others.caller($0) })
    }

    private func methods(_ parameters: Parameters, _ settings: ClientSettings) -> [HostLookup.Method] {
        guard settings.looksUpDNS else { return [.native] }
        let words = parameters.list("\(settings.mode.rawValue)_host_lookup").map { ASCII.lowercased($0) }
        let methods = words.compactMap { word -> HostLookup.Method? in
            switch word {
            case "dns": .dns
            case "native": .native
            default: nil
            }
        }
        return methods.isEmpty ? [.dns] : methods
    }

    /// Nil without TLS, or when its settings can't be used: mail that requires TLS then waits.
    private func tlsContext(_ parameters: Parameters, _ settings: ClientSettings, _ log: MailLog) -> TLSContext? {
        guard settings.tlsLevel != .none else { return nil }
        do {
            return try TLSContext(
                TLSSettings(prefix: settings.mode.rawValue, mandatory: settings.tlsLevel.isMandatory) {
                    parameters[$0]
                })
        } catch {
            error.warnings.forEach(log.warning)
            return nil
        }
    }
}
