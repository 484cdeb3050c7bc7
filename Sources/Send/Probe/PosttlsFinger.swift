import Configuration
import DNS
import Glibc
import MailSyntax
import MailSystem
import NIOCore
import NIOPosix
import TLS

/// posttls-finger(1): looks at the TLS of a mail server.
public enum PosttlsFinger {
    /// What it finds is its output.
    private static let log = MailLog(tag: "posttls-finger", sink: StandardErrorSink(descriptor: STDOUT_FILENO))

    /// - Parameter arguments: without argv[0].
    /// - Returns: exit status.
    public static func main(_ arguments: [String]) -> Int32 {
        Privileges.ignoreBrokenPipes()
        do {
            let options = try FingerOptions(arguments, warn: log.warning)
            let directory = ProcessEnvironment.value("MAIL_CONFIG") ?? "/etc/postfix"
            let parameters = try Parameters.load(
                directory: directory, overrides: options.overrides, processName: "posttls-finger")
            for problem in parameters.fileDiagnostics { log.warning(problem.complaint) }
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            defer { try? group.syncShutdownGracefully() }
            let finger = try Finger(options: options, parameters: parameters, group: group, log: log)
            return try group.next().makeFutureWithTask { await finger.run() }.wait()
        } catch FingerOptions.Failure.usage(let text) {
            if let text { StandardErrorSink().write(LogRecord(tag: "posttls-finger", severity: .info, text: text)) }
            do { try Descriptors.writeAll(Array(FingerOptions.usage.utf8), to: STDERR_FILENO) } catch {}
        } catch FingerOptions.Failure.fatal(let text) {
            log.fatal(text)
        } catch {
            log.fatal("\(error)")
        }
        return 1
    }
}

/// Finds the servers of a destination and looks at the first that answers.
struct Finger: Sendable {
    let options: FingerOptions
    let settings: ClientSettings
    let servers: ServerList
    let destination: Destination
    let heloName: String
    let tls: TLSContext?
    let dnssec: UnboundResolver?
    let group: any EventLoopGroup
    let log: MailLog

    /// Where systems keep the root's keys.
    private static let rootKeys = ["/usr/share/dns/root.key", "/var/lib/unbound/root.key", "/etc/unbound/root.key"]

    init(options: FingerOptions, parameters: Parameters, group: any EventLoopGroup, log: MailLog) throws {
        self.options = options
        self.group = group
        self.log = log
        var settings = ClientSettings(parameters, program: options.mode.rawValue)
        settings.addressPreference = options.family
        settings.addressLimit = 0
        self.settings = settings
        heloName = settings.myHostname
        do {
            destination = try Destination(options.destination, mode: options.mode, defaultPort: settings.port)
        } catch {
            throw FingerOptions.Failure.fatal(error.reason)
        }
        tls = Self.context(options, parameters, log)
        let anchors = options.level.usesDANE ? Self.rootKeys.first(where: Files.exists) : nil
        if let anchors {
            var secure = UnboundResolver.Options()
            secure.trustAnchorFile = anchors
            dnssec = try UnboundResolver(secure)
        } else {
            dnssec = nil
        }
        let methods = options.hostLookup.split { $0 == "," || $0 == " " }.map { $0.lowercased() }
        let plain: any DNS.Resolver = try dnssec ?? UnboundResolver()
        servers = ServerList(
            settings: settings,
            lookup: HostLookup(
                resolver: plain, hosts: HostsFile(path: "/etc/hosts"),
                families: AddressFamilies(inetProtocols: parameters["inet_protocols"]),
                methods: methods.compactMap { $0 == "dns" ? .dns : $0 == "native" ? .native : nil }), own: [])
    }

    /// Nil, after warnings, when the settings can't be used.
    private static func context(_ options: FingerOptions, _ parameters: Parameters, _ log: MailLog) -> TLSContext? {
        guard options.level != .none else { return nil }
        var settings = TLSSettings(prefix: "smtp", mandatory: true) { parameters[$0] }
        settings.caFile = options.caFile
        settings.caPath = options.caPath
        settings.appendDefaultCA = false
        settings.trustAnchorFiles = options.trustAnchors
        settings.protocols = options.protocols
        settings.chainFiles = options.chainFiles
        let certificate = options.certificateFile.isEmpty ? options.keyFile : options.certificateFile
        let key = options.keyFile.isEmpty ? certificate : options.keyFile
        settings.keyPairs =
            certificate.isEmpty ? [] : [.init(kind: "client", certificateFile: certificate, keyFile: key)]
        settings.cipherList = CipherList.text(
            grade: options.grade, exclusions: [options.level.proves ? "aNULL" : "eNULL"], parameter: { parameters[$0] })
        if let digest = options.digest { settings.fingerprintDigest = digest }
        guard FingerprintMatch.length(of: settings.fingerprintDigest) != nil else {
            log.warning("Digest algorithm \"\(settings.fingerprintDigest)\" not found")
            log.warning("disabling TLS support")
            return nil
        }
        guard ["export", "low", "medium", "high", "null"].contains(options.grade.lowercased()) else {
            log.warning("invalid cipher grade: \"\(options.grade)\"")
            log.warning("disabling TLS support")
            return nil
        }
        settings.cachesSessions = options.reconnectDelay > 0
        settings.collectsChain = true
        do {
            return try TLSContext(settings)
        } catch {
            error.warnings.forEach(log.warning)
            return nil
        }
    }

    func run() async -> Int32 {
        if !options.matches.isEmpty, [.none, .may, .encrypt].contains(options.level) {
            log.warning("TLS level '\(options.level.rawValue)' does not implement certificate matching")
        }
        if options.level.usesDANE, dnssec == nil, !isNumeric {
            log.warning("DNSSEC validation may be unavailable")
            log.warning("reason: no file with the root's keys: \(Self.rootKeys.joined(separator: ", "))")
        }
        var random = SystemRandomNumberGenerator()
        var isSecureName = true
        let found: ServerList.Outcome
        trace("destination \(destination.name), port \(port), level \(options.level.rawValue)")
        if options.log.contains(.verbose), tls != nil { log.info("initializing the client-side TLS engine") }
        switch destination {
        case .unix(let path):
            await look(at: nil, path: path)
            return 0
        case .host(let host, _): found = await servers.addresses(of: host, detectsLoops: false)
        case .domain(let domain, _):
            if options.looksUpServices {
                found = await services(of: domain)
            } else {
                found = await servers.exchangers(of: domain, detectsLoops: false, using: &random)
            }
            if options.level.usesDANE { isSecureName = await hasSecureExchangers(domain) }
        }
        switch found {
        case .failed(let failure), .loops(let failure):
            log.info("Destination address lookup failed: \(failure.reason)")
        case .servers(let list):
            for server in list { trace("found \(server.host)[\(server.address)]") }
            for server in list where await look(at: server, isSecureName: isSecureName) { return 0 }
        }
        return 0
    }

    /// `-v`
    private func trace(_ text: String) {
        if options.verbosity > 0 { log.info(text) }
    }

    private var port: Int {
        switch destination {
        case .domain(_, let port), .host(_, let port): port
        case .unix: 0
        }
    }

    private func hasSecureExchangers(_ domain: String) async -> Bool {
        guard let dnssec else { return false }
        switch await dnssec.query(domain, .mx) {
        case .records(_, let secure): return secure
        case .noData, .noSuchDomain: return true
        case .temporaryFailure, .malformed, .filtered, .filterFailure: return false
        }
    }

    /// SRV records `_smtp._tcp`, as use_srv_lookup has them.
    private func services(of domain: String) async -> ServerList.Outcome {
        let name = "_\(options.wraps ? "submissions" : port == 587 ? "submission" : "smtp")._tcp.\(domain)"
        guard case .records(let records, _) = await servers.lookup.resolver.query(name, .srv) else {
            return .failed(
                .init(
                    status: "5.4.4",
                    reason:
                        "Host or domain name not found. Name service error for name=\(name) type=SRV: Host not found"))
        }
        var list: [Server] = []
        let ordered = records.compactMap { record -> (Int, Int, String)? in
            guard case .srv(let priority, let weight, _, let host) = record.data else { return nil }
            return (Int(priority), Int(weight), host)
        }.sorted { ($0.0, -$0.1) < ($1.0, -$1.1) }
        for (preference, _, host) in ordered {
            if case .servers(let found) = await servers.addresses(of: host, detectsLoops: false) {
                list += found.map { Server(host: $0.host, address: $0.address, preference: preference) }
            }
        }
        return .servers(list)
    }

    /// - Returns: true when the server answered, whatever it said.
    @discardableResult
    private func look(at server: Server?, path: String = "", isSecureName: Bool = true) async -> Bool {
        let host = server?.host ?? heloName
        let peer = Peer(
            host: host, address: server.map { "\($0.address)" } ?? path, port: server == nil ? 0 : port)
        let address: SocketAddress
        do {
            address =
                try server.map { try SocketAddress(ipAddress: "\($0.address)", port: port) }
                ?? SocketAddress(unixDomainSocketPath: path)
        } catch {
            log.info("\(error)")
            return false
        }
        var level = options.level
        var dane: DANEPolicy?
        if level.usesDANE {
            (level, dane) = await policy(host: host, server: server, isSecureName: isSecureName)
        }
        trace("trying \(peer.nameAndPort), level \(level.rawValue)")
        var probe = ServerProbe(
            options: options, level: level, heloName: heloName, peer: peer, address: address, tls: tls, dane: dane,
            names: names(level, host: host), group: group, log: log)
        let first = await probe.run()
        if let failure = first.connectFailure {
            let via = server.map { " via \($0.host)" } ?? ""
            log.info("Failed to establish session to \(options.destination)\(via): \(failure)")
            return false
        }
        if options.reconnectDelay > 0, first.hasTLS {
            probe.isAgain = true
            await again(probe, first)
        }
        return true
    }

    /// `-r`: until a server that was seen before answers, or it has been tried often enough.
    private func again(_ probe: ServerProbe, _ first: ServerProbe.Result) async {
        var seen = [first.serverName]
        for _ in 0..<max(options.reconnects, 0) {
            log.info("Reconnecting after \(options.reconnectDelay) seconds")
            try? await Task.sleep(nanoseconds: UInt64(clamping: options.reconnectDelay) &* 1_000_000_000)
            let result = await probe.run()
            if let failure = result.connectFailure {
                log.info(failure)
                return
            }
            if seen.contains(result.serverName) {
                log.info("Found a previously used server.  Done reconnecting.")
                return
            }
            seen.append(result.serverName)
        }
        log.info("Maximum reconnect count reached.")
    }

    /// The destination is an address: nothing is looked up.
    private var isNumeric: Bool {
        if case .host(let name, _) = destination { return IPAddress(name) != nil }
        return false
    }

    private func policy(host: String, server: Server?, isSecureName: Bool) async -> (FingerOptions.Level, DANEPolicy?) {
        guard let dnssec, server != nil, !isNumeric else {
            if options.level == .daneOnly { log.info("no TLSA records found, resorting to \"secure\"") }
            return (.secure, nil)
        }
        trace("looking for TLSA records of _\(port)._tcp.\(host)")
        let lookup = TLSALookup(resolver: dnssec, forcesInsecureHosts: options.forcesInsecureTLSA)
        switch await lookup.records(host: host, port: port, otherNames: [destination.name]) {
        case .found(let policy):
            for record in policy.records {
                log.info("using DANE RR: _\(port)._tcp.\(host) IN TLSA \(record.text)")
            }
            guard policy.records.contains(where: \.isUsable) else {
                log.info("all TLSA records unusable, resorting to \"secure\"")
                return (.secure, nil)
            }
            if !isSecureName, options.level == .dane, options.insecureMXPolicy != .dane {
                return (options.insecureMXPolicy, nil)
            }
            return (options.level, policy)
        case .none:
            log.info("no TLSA records found, resorting to \"secure\"")
        case .unavailable(let reason):
            log.warning(reason)
        }
        return (.secure, nil)
    }

    /// What the certificate must have a name of.
    private func names(_ level: FingerOptions.Level, host: String) -> [String] {
        if !options.matches.isEmpty, level == .verify || level == .secure { return options.matches }
        switch level {
        case .verify: return [host]
        case .secure:
            return options.level.usesDANE ? [destination.name, host] : [destination.name, ".\(destination.name)"]
        default: return []
        }
    }
}
