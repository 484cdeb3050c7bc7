import Cleanup
import Configuration
import DNS
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import NIOCore
import Routing
import Runtime
import Spool
import TLS

/// Puts one smtpd service together from its parameters: tables, keys, restriction lists. Before chroot.
struct ServiceAssembly {
    let context: ProcessContext
    let resolver: any Resolver
    let hosts: HostsFile
    let sasl: SASLServiceFactory
    let limits: any ClientLimits
    let queue: any InternalCaller
    let freeSpace: FreeSpace
    let flow: FlowGate
    var ticketKeys: TicketKeyring?
    /// Nil where too few messages are queued for files to be used again.
    var spares: SpareFiles?

    /// smtpd_dns_reply_filter
    private func filtered(_ resolver: any Resolver, _ parameters: Parameters, _ opener: TableOpener, _ log: MailLog)
        -> any Resolver
    {
        let name = "smtpd_dns_reply_filter"
        let maps = Maps("smtpd_dns_reply_filter", of: parameters, opener: opener)
        return maps.isEmpty ? resolver : FilteredResolver(resolver, name: name, log: log) { try await maps.find($0) }
    }

    func make(_ hosted: HostedService, opener: TableOpener) throws -> ServerService {
        let parameters = hosted.parameters
        let log = hosted.log(context.logSink)
        // Other programs' lines carry their own service's name, not that of the smtpd line they work for.
        func program(_ name: String) -> MailLog { context.log(name) }
        let settings = ServerSettings(parameters, service: hosted.service.name)
        let routingLog = program("trivial-rewrite")
        let routing = AddressResolver(parameters, opener: opener.logging(to: routingLog), log: routingLog)
        let engine = try RestrictionEngine(
            parameters: parameters, opener: opener, resolver: filtered(resolver, parameters, opener, log),
            routing: routing)
        let queue = queue
        let cleanupLog = program("cleanup")
        let cleanup = CleanupService(
            parameters, opener: opener.logging(to: cleanupLog), queue: queueDirectory(parameters), pool: context.pool,
            log: cleanupLog, rewriteLog: routingLog, clock: context.clock
        ) { queue.notify(MessageArrived(queueID: $0)) }
        let (flow, delay) = (flow, parameters.seconds("in_flow_delay"))
        let intake = CleanupIntake(
            cleanup: cleanup, contentFilter: parameters["content_filter"],
            overrides: Set(parameters.list("receive_override_options")),
            pause: { await flow.pass(seconds: delay) })
        var environment = ServerEnvironment(
            checker: engine, intake: intake, log: log, clock: context.clock, limits: limits)
        let notice = PostmasterNotice(parameters, cleanup: cleanup, clock: context.clock, log: log)
        environment.noticeTrouble = { await notice.send(client: $0, text: $1) }
        wire(&environment, parameters, opener, log)
        if settings.saslIsEnabled { environment.sasl = try sasl.make(parameters, opener: opener, log: log) }
        let tls = tlsContext(parameters, settings, opener, log)
        environment.offersTLS = tls != nil
        let families = AddressFamilies(inetProtocols: parameters["inet_protocols"])
        return ServerService(
            settings: settings, environment: environment, tls: tls,
            names: ClientNameLookup(resolver: resolver, hosts: hosts, families: families),
            sessionLimit: hosted.service.processLimit)
    }

    private func queueDirectory(_ parameters: Parameters) -> QueueDirectory {
        QueueDirectory(
            store: context.store, hashNames: parameters.list("hash_queue_names"),
            hashDepth: parameters.int("hash_queue_depth"), longIDs: parameters.bool("enable_long_queue_ids"),
            processID: context.machine.processID, spares: spares)
    }

    private func wire(
        _ environment: inout ServerEnvironment, _ parameters: Parameters, _ opener: TableOpener, _ log: MailLog
    ) {
        let space = freeSpace
        environment.freeSpace = { await space.bytes() }
        let queue = queue
        environment.flush = { site in
            guard let reply = try? await queue.call(FlushRequest(site: site)) else { return .failed }
            return reply
        }
        let forbidden = StringList(
            parameters["smtpd_forbidden_commands"], name: "smtpd_forbidden_commands", opener: opener)
        if !forbidden.isEmpty { environment.isForbidden = { (try? await forbidden.matches($0)) ?? false } }
        let noOperations = StringList(parameters["smtpd_noop_commands"], name: "smtpd_noop_commands", opener: opener)
        if !noOperations.isEmpty { environment.isNoOperation = { (try? await noOperations.matches($0)) ?? false } }
        let filters = Maps("smtpd_command_filter", of: parameters, opener: opener)
        if !filters.isEmpty { environment.commandFilter = { line in try? await .some(filters.find(line)) } }
        let discarded = Maps("smtpd_discard_ehlo_keyword_address_maps", of: parameters, opener: opener)
        if !discarded.isEmpty {
            environment.discardedKeywords = { client in try? await .some(discarded.find(client.address)) }
        }
        let exempt = clientList("smtpd_client_event_limit_exceptions", parameters, opener)
        environment.isExempt = { await exempt($0) ?? false }
        if parameters.bool("smtpd_sasl_auth_enable") {
            environment.isSASLException = clientList("smtpd_sasl_exceptions_networks", parameters, opener)
        }
        environment.mayUseVERP = clientList("smtpd_authorized_verp_clients", parameters, opener)
        environment.mayUseXClient = clientList("smtpd_authorized_xclient_hosts", parameters, opener)
        environment.mayUseXForward = clientList("smtpd_authorized_xforward_hosts", parameters, opener)
        let tolerated = clientList("smtpd_forbid_bare_newline_exclusions", parameters, opener)
        environment.toleratesBareNewline = { await tolerated($0) ?? false }
    }

    private func clientList(
        _ name: String, _ parameters: Parameters, _ opener: TableOpener
    ) -> ClientPredicate {
        let parents = parameters.list("parent_domain_matches_subdomains")
        let list = NetworkList(
            parameters[name], name: name, opener: opener, parentsMatch: parents.contains(name))
        if list.isEmpty { return { _ in false } }
        return { client in try? await list.matches(name: client.name, address: client.address) }
    }

    /// Nil, with a warning, when TLS is wanted but can't be had: clients are then told 454.
    private func tlsContext(
        _ parameters: Parameters, _ settings: ServerSettings, _ opener: TableOpener, _ log: MailLog
    ) -> TLSContext? {
        guard settings.tlsLevel >= .may else { return nil }
        var wanted = TLSSettings(
            prefix: "smtpd", mandatory: settings.tlsLevel == .encrypt, parameter: { parameters[$0] })
        // Sessions outlive services: these two are main.cf's, whatever the service says (postconf(5)).
        wanted.sessionTimeout = TLSSettings.sessionTimeout(context.parameters["smtpd_tls_session_cache_timeout"])
        wanted.cachesSessions = !context.parameters["smtpd_tls_session_cache_database"].isEmpty
        if wanted.hasBadTicketCipher {
            log.warning("tls_session_ticket_cipher: invalid value: \(wanted.ticketCipher); session tickets disabled")
        }
        let names = Maps(
            parameters["tls_server_sni_maps"], opener: opener, options: [.foldKeys, .valueIsFileName])
        if wanted.hasNoCertificate, names.isEmpty {
            log.warning("No server certs available. TLS won't be enabled")
            return nil
        }
        let exchange = DHParameters.load(parameters["smtpd_tls_dh1024_param_file"])
        exchange.warnings.forEach(log.warning)
        wanted.dhParameters = exchange.pem
        do {
            return try TLSContext(wanted, serverNames: serverNames(names, wanted, log), ticketKeys: ticketKeys)
        } catch {
            for warning in error.warnings { log.warning(warning) }
            return nil
        }
    }

    /// Nil when clients' wishes for a name are not looked at.
    private func serverNames(_ names: Maps, _ settings: TLSSettings, _ log: MailLog) -> ServerNames? {
        if names.isEmpty { return nil }
        return ServerNames(
            settings,
            chains: { key in
                guard let value = try await names.find(key) else { return nil }
                guard let chain = FileValue.decode(Array(value.utf8)) else {
                    throw TLSConfigurationError("malformed BASE64 value in tls_server_sni_maps for \(key)")
                }
                return chain
            }, log: log)
    }
}
