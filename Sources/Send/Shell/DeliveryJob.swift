import InternalProtocol
import MailSyntax
import MailSystem
import NIOCore

/// One delivery request under way: goes through destinations and their servers until each recipient has a result.
// Not Sendable on purpose: lives in the task of its request.
final class DeliveryJob {
    private let agent: SMTPAgent
    private let request: DeliveryRequest
    private let content: MessageContent
    private(set) var recorder: DeliveryRecorder
    /// Delivered, and to be marked when the file is closed.
    private var unmarked: [Int] = []
    /// smtp_connection_cache_destinations names the next hop.
    private var isCachedDestination = false
    private var settings: ClientSettings { agent.settings }

    init(agent: SMTPAgent, request: DeliveryRequest, content: MessageContent, recorder: DeliveryRecorder) {
        self.agent = agent
        self.request = request
        self.content = content
        self.recorder = recorder
    }

    func run() async {
        if !settings.unsupportedTLSLevel.isEmpty {
            let reason = "TLS security level \(settings.unsupportedTLSLevel) is not supported"
            recorder.fail(.init(status: "4.7.5", reason: reason), .init(), concernsDestination: true)
        }
        // Before the delivery, as in Postfix: a slow table must not hold back the connection when the next message comes.
        if !agent.cachedDestinations.isEmpty {
            isCachedDestination = (try? await agent.cachedDestinations.matches(request.nexthop)) ?? false
        }
        // A next hop may be a list (transport(5), Postfix 3.5 and later).
        let names = request.nexthop.split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init)
        let all = names + settings.fallbackRelays
        for (number, name) in all.enumerated() where !recorder.undecided.isEmpty {
            let isLast = number == all.count - 1
            do {
                let destination = try Destination(name, mode: settings.mode, defaultPort: settings.port)
                await deliver(to: destination, isLast: isLast)
            } catch {
                fail(.init(status: "4.3.5", reason: error.reason), isFinal: isLast)
            }
        }
        recorder.fail(
            .init(status: "4.4.0", reason: "no server of \(request.nexthop) took the message"), .init(),
            concernsDestination: false)
        do {
            try await content.close(marking: unmarked)
        } catch {
            agent.log.warning("\(request.queueID): cannot mark recipients as delivered: \(error)")
        }
    }

    /// A failure before any server was reached.
    private func fail(_ failure: ServerFailure, isFinal: Bool, place: DeliveryRecorder.Circumstances = .init()) {
        if failure.isPermanent || isFinal {
            recorder.fail(failure, place, concernsDestination: true)
        } else {
            agent.log.info("\(request.queueID): \(failure.reason)")
        }
    }

    private func deliver(to destination: Destination, isLast: Bool) async {
        let key = SessionCache.Key(service: agent.service, destination: destination)
        // One open session gets its chance; others only in place of one that turned out to be dead. What it put off goes
        // to the servers in their order, on sessions of their own.
        while !recorder.undecided.isEmpty, let connection = agent.cache.take(key) {
            if await transact(connection, key, isFinal: false, connected: nil) { break }
        }
        guard !recorder.undecided.isEmpty else { return }
        let peers: [(Peer, SocketAddress)]
        switch await self.peers(of: destination) {
        case .success(let found): peers = found
        case .failure(let failure) where failure.isLoop && !settings.bestMXTransport.isEmpty:
            return await pass(to: settings.bestMXTransport)
        case .failure(let failure):
            return fail(failure, isFinal: isLast, place: .init(connected: agent.clock.now()))
        }
        var sessions = 0
        let limit = settings.sessionLimit > 0 ? settings.sessionLimit : Int.max
        for (number, (peer, address)) in peers.enumerated() where !recorder.undecided.isEmpty && sessions < limit {
            let isFinal = isLast && (number == peers.count - 1 || sessions + 1 == limit)
            if await attempt(peer, address, key, isFinal: isFinal) { sessions += 1 }
        }
    }

    /// Another delivery agent takes what is left: `transport:nexthop`.
    private func pass(to destination: String) async {
        let colon = destination.utf8.firstIndex(of: 0x3A)
        var passed = request
        passed.service = String(colon.map { destination[..<$0] } ?? destination[...])
        let nexthop = colon.map { String(destination[destination.utf8.index(after: $0)...]) } ?? ""
        if !nexthop.isEmpty { passed.nexthop = nexthop }
        passed.recipients = recorder.undecided.map { request.recipients[$0] }
        do {
            recorder.adopt(try await agent.agents(passed.service).call(passed).results)
        } catch {
            agent.log.warning("connect to transport private/\(passed.service): \(error)")
            recorder.fail(
                .init(status: "4.3.0", reason: "unknown mail transport error"), .init(), concernsDestination: false)
        }
    }

    private func peers(of destination: Destination) async -> Result<[(Peer, SocketAddress)], ServerFailure> {
        let outcome: ServerList.Outcome
        let port: Int
        var random = SystemRandomNumberGenerator()
        switch destination {
        case .unix(let path):
            let peer = Peer(host: settings.myHostname, address: path, port: 0)
            guard let address = try? SocketAddress(unixDomainSocketPath: path) else {
                return .failure(.init(status: "4.3.5", reason: "bad destination: unix:\(path)"))
            }
            return .success([(peer, address)])
        case .host(let host, let number):
            port = number
            outcome = await agent.servers.addresses(of: host, detectsLoops: detectsLoops(port), using: &random)
        case .domain(let domain, let number):
            port = number
            outcome = await agent.servers.exchangers(of: domain, detectsLoops: detectsLoops(port), using: &random)
        }
        switch outcome {
        case .failed(let failure): return .failure(failure)
        case .loops(var failure):
            failure.isLoop = true
            return .failure(failure)
        case .servers(let servers):
            return .success(
                servers.compactMap { server in
                    let text = server.address.description
                    guard let address = try? SocketAddress(ipAddress: text, port: port) else { return nil }
                    return (Peer(host: server.host, address: text, port: port), address)
                })
        }
    }

    /// Only where mail servers listen can mail come back to this one.
    private func detectsLoops(_ port: Int) -> Bool { settings.mode == .smtp && port == 25 }

    /// Tries one server. True when a session was established.
    private func attempt(_ peer: Peer, _ address: SocketAddress, _ key: SessionCache.Key, isFinal: Bool) async -> Bool {
        var level = settings.tlsLevel
        while true {
            let connection: ClientConnection
            switch await agent.connector.connect(peer, address, nexthop: key.destination.name) {
            case .success(let made): connection = made
            case .failure(let failure):
                // Already logged by the connector.
                if isFinal {
                    recorder.fail(failure, .init(connected: agent.clock.now()), concernsDestination: true)
                }
                return false
            }
            let greeting = Greeting(
                settings: settings, peer: peer, tls: level, canUseTLS: agent.connector.tls != nil,
                detectsLoops: detectsLoops(peer.port), nexthop: request.nexthop)
            switch await connection.run(greeting) {
            case .ready(let features):
                connection.update {
                    $0.features = features
                    $0.isSecure = level != .none && !features.startTLS
                }
                await transact(connection, key, isFinal: isFinal, connected: agent.clock.now())
                return true
            case .failed(let failure):
                if failure.canQuit { connection.quit() } else { connection.close() }
                if failure.mayRetryInPlaintext, waitedLongEnough {
                    level = .none
                    continue
                }
                fail(
                    failure, isFinal: isFinal,
                    place: .init(relay: peer.nameAndPort, host: peer.host, connected: agent.clock.now()))
                return false
            case nil:
                connection.close()
                return false
            }
        }
    }

    /// Postfix falls back to plaintext only for mail that has waited minimal_backoff_time.
    private var waitedLongEnough: Bool {
        request.activeSeconds - request.arrivalSeconds >= settings.minimalBackoff
    }

    /// - Returns: false when the session was dead, and nothing was tried.
    @discardableResult
    private func transact(
        _ connection: ClientConnection, _ key: SessionCache.Key, isFinal: Bool, connected: MailTime?
    ) async -> Bool {
        let indices = recorder.undecided
        let isReused = connection.current.uses > 0
        let features = connection.current.features
        let transaction = Transaction(
            settings: settings, features: features, peer: connection.peer, envelope: envelope(indices),
            isFinal: isFinal, resets: isReused,
            probes: !request.flags.isDisjoint(with: [.verifyForMTA, .verifyForUser]))
        do {
            let lacksEightBit = request.encoding == "8bit" && !features.eightBitMIME
            try await content.rewind(converts: lacksEightBit && settings.convertsEightBit)
        } catch {
            agent.log.warning("\(request.queueID): queue file: \(error)")
            connection.close()
            return true
        }
        guard let outcome = await connection.run(transaction, content: content), !outcome.wasStale else {
            connection.close()
            return false
        }
        connection.update { $0.uses += 1 }
        let place = DeliveryRecorder.Circumstances(
            relay: connection.peer.nameAndPort, host: connection.peer.host, uses: connection.current.uses,
            connected: connected, serverHandlesDSN: features.dsn)
        var done: [Int] = []
        for position in outcome.order {
            guard let verdict = outcome.verdicts[position] else { continue }
            if let offset = recorder.record(indices[position], verdict, place) { done.append(offset) }
        }
        for text in outcome.softFailures { agent.log.info("\(request.queueID): \(text)") }
        if recorder.undecided.isEmpty {
            unmarked = done
        } else {
            // Another server comes next, and may take its time: mark now.
            do {
                try await content.markDone(done)
            } catch {
                agent.log.warning("\(request.queueID): cannot mark recipients as delivered: \(error)")
            }
        }
        release(connection, key, isReusable: outcome.isReusable)
        return true
    }

    private func envelope(_ indices: [Int]) -> Envelope {
        var envelope = Envelope(
            sender: request.sender,
            recipients: indices.map { index in
                let recipient = request.recipients[index]
                return .init(
                    address: recipient.address, dsnOriginal: recipient.dsnOriginalRecipient,
                    dsnNotify: recipient.dsnNotify)
            },
            size: request.contentLength)
        envelope.isEightBit = request.encoding == "8bit"
        let hasUTF8Address =
            !ASCII.isASCII(request.sender) || envelope.recipients.contains { !ASCII.isASCII($0.address) }
        // SMTPUTF8 was requested, and something in the message makes use of it (send options 2 and 4).
        envelope.needsSMTPUTF8 = request.sendOptions & 1 != 0 && (request.sendOptions & 6 != 0 || hasUTF8Address)
        envelope.envelopeID = request.envelopeID
        envelope.dsnReturn = request.dsnReturn
        if settings.sendsXForward { envelope.client = OriginalClient(request.origin) }
        return envelope
    }

    /// Keeps the connection for the next message, or says good-bye.
    private func release(_ connection: ClientConnection, _ key: SessionCache.Key, isReusable: Bool) {
        let state = connection.current
        guard isReusable, !state.isDead else { return connection.quit() }
        let now = agent.clock.monotonicNanoseconds()
        let isBusy = agent.cache.isBusy(key, now: now)
        guard settings.reuseCountLimit == 0 || state.uses < settings.reuseCountLimit,
            now &- connection.opened < UInt64(max(settings.reuseTimeLimit, 0)) * 1_000_000_000,
            !state.isSecure || settings.reusesTLS
        else { return connection.quit() }
        let isOnDemand = settings.cachesOnDemand && (isBusy || request.flags.contains(.connectionReuse))
        guard isOnDemand || isCachedDestination else { return connection.quit() }
        agent.cache.store(connection, for: key, seconds: settings.cacheTimeLimit)
    }
}
