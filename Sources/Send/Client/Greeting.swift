import MailSyntax

/// The first part of a conversation: banner, EHLO or LHLO, STARTTLS, EHLO again (RFC 5321 §3.1, RFC 2033, RFC 3207).
struct Greeting: Dialogue {
    enum Outcome: Sendable, Equatable {
        case ready(ServerFeatures)
        case failed(ServerFailure)
    }

    private enum State { case banner, ehlo, helo, startTLS, handshake, done }

    let settings: ClientSettings
    let peer: Peer
    /// The security level of this attempt.
    let tls: TLSLevel
    /// TLS can be done at all (a context was made).
    let canUseTLS: Bool
    /// Look for our own name in the server's replies.
    let detectsLoops: Bool
    let nexthop: String
    private(set) var outcome: Outcome?
    private var state = State.banner
    private var isSecure = false
    private var bannerSaysESMTP = false

    init(
        settings: ClientSettings, peer: Peer, tls: TLSLevel, canUseTLS: Bool, detectsLoops: Bool, nexthop: String
    ) {
        self.settings = settings
        self.peer = peer
        self.tls = tls
        self.canUseTLS = canUseTLS
        self.detectsLoops = detectsLoops
        self.nexthop = nexthop
    }

    mutating func start() -> [ClientAction] {
        if settings.wrapperMode {
            state = .handshake
            return [.startTLS, .expect(settings.timeouts.startTLS)]
        }
        return [.expect(settings.timeouts.helo)]
    }

    mutating func receive(_ event: ClientEvent) -> [ClientAction] {
        guard outcome == nil else { return [] }
        switch event {
        case .reply(let reply): return receive(reply)
        case .secured(.failed):
            var failure = ServerFailure(status: "4.7.5", reason: "Cannot start TLS: handshake failure")
            failure.mayRetryInPlaintext = tls == .may
            return fail(failure)
        case .secured(let outcome):
            isSecure = true
            if tls.verifies, outcome != .verified {
                let what = outcome == .trusted ? "verified" : "trusted"
                return fail(ServerFailure(status: "4.7.5", reason: "Server certificate not \(what)", canQuit: true))
            }
            if settings.wrapperMode, !hasSeenBanner {
                state = .banner
                return [.expect(settings.timeouts.helo)]
            }
            return hello()
        case .lost: return fail(.lost(peer, doing))
        case .timedOut: return fail(.timedOut(peer, doing))
        case .contentSent: return []
        }
    }

    private var hasSeenBanner = false

    private var doing: String {
        switch state {
        case .banner, .done: "receiving the initial server greeting"
        case .ehlo: "performing the \(settings.mode == .lmtp ? "LHLO" : "EHLO") handshake"
        case .helo: "performing the HELO handshake"
        case .startTLS: "receiving the STARTTLS response"
        case .handshake: "performing the TLS handshake"
        }
    }

    private mutating func receive(_ reply: ServerReply) -> [ClientAction] {
        switch state {
        case .banner: return banner(reply)
        case .ehlo: return ehlo(reply)
        case .helo:
            guard reply.isPositive else { return refuse(reply) }
            return ready(ServerFeatures())
        case .startTLS: return startTLS(reply)
        case .handshake, .done: return []
        }
    }

    private mutating func banner(_ reply: ServerReply) -> [ClientAction] {
        hasSeenBanner = true
        guard reply.isPositive else {
            var softened = reply
            // A host that turns everybody away may be down for maintenance: try the next one, or later.
            if reply.isPermanent, settings.skips5xxGreeting { softened.status = "4" + reply.status.dropFirst() }
            return refuse(softened)
        }
        let words = (reply.lines.first ?? "").split { $0 == " " || $0 == "\t" }
        bannerSaysESMTP = words.contains { ASCII.equalIgnoringCase(String($0), "esmtp") }
        var actions: [ClientAction] = []
        if detectsLoops, let name = words.first, isOwn(name) {
            actions.append(.warn("host \(peer.name) greeted me with my own hostname \(name)"))
        }
        return actions + hello()
    }

    private func isOwn(_ name: Substring) -> Bool {
        ASCII.equalIgnoringCase(String(name), settings.myHostname)
            || ASCII.equalIgnoringCase(String(name), settings.heloName)
    }

    private mutating func hello() -> [ClientAction] {
        let verb: String
        if settings.mode == .lmtp {
            state = .ehlo
            verb = "LHLO"
        } else if settings.neverSendsEHLO || !(settings.alwaysSendsEHLO || bannerSaysESMTP) {
            state = .helo
            verb = "HELO"
        } else {
            state = .ehlo
            verb = "EHLO"
        }
        return [.send("\(verb) \(settings.heloName)\r\n"), .expect(settings.timeouts.helo)]
    }

    private mutating func ehlo(_ reply: ServerReply) -> [ClientAction] {
        guard reply.isPositive else {
            guard settings.mode == .smtp, reply.code != 421 else { return refuse(reply) }
            state = .helo
            return [.send("HELO \(settings.heloName)\r\n"), .expect(settings.timeouts.helo)]
        }
        if detectsLoops, let name = reply.lines.first?.split(separator: " ").first, isOwn(name) {
            let warning = "host \(peer.name) replied to HELO/EHLO with my own hostname \(name)"
            var failure = ServerFailure(status: "5.4.6", reason: "mail for \(nexthop) loops back to myself")
            failure.canQuit = true
            return [.warn(warning)] + fail(failure)
        }
        var features = ServerFeatures(reply, discarding: settings.discardedKeywords)
        var actions: [ClientAction] = []
        if !features.discarded.isEmpty, !settings.discardsSilently {
            actions.append(.log("discarding EHLO keywords: \(features.discarded.joined(separator: " "))"))
        }
        if isSecure {
            // RFC 3207 §4.2: not offered again.
            features.startTLS = false
            return actions + ready(features)
        }
        if settings.notesSTARTTLSOffer, features.startTLS, tls == .none {
            actions.append(.log("Host offered STARTTLS: [\(peer.host)]"))
        }
        return actions + secure(features)
    }

    private var plainFeatures = ServerFeatures()

    private mutating func secure(_ features: ServerFeatures) -> [ClientAction] {
        guard tls != .none else { return ready(features) }
        if features.startTLS, canUseTLS {
            plainFeatures = features
            state = .startTLS
            return [.send("STARTTLS\r\n"), .expect(settings.timeouts.startTLS)]
        }
        guard tls.isMandatory else { return ready(features) }
        var failure = ServerFailure(
            status: "4.7.4", reason: "TLS is required, but was not offered by host \(peer.name)", canQuit: true)
        if features.startTLS {
            failure.status = "4.7.5"
            failure.reason = "TLS is required, but our TLS engine is unavailable"
        }
        return fail(failure)
    }

    private mutating func startTLS(_ reply: ServerReply) -> [ClientAction] {
        if reply.isPositive {
            state = .handshake
            return [.startTLS, .expect(settings.timeouts.startTLS)]
        }
        guard tls.isMandatory else { return ready(plainFeatures) }
        // Required here, but that is our wish, not the recipient's fault: never permanent.
        return fail(
            ServerFailure(
                status: reply.isPermanent ? "4" + reply.status.dropFirst() : reply.status,
                reason: "TLS is required, but host \(peer.name) refused to start TLS: \(reply.text)",
                diagnostic: reply.text, canQuit: true))
    }

    private mutating func ready(_ features: ServerFeatures) -> [ClientAction] {
        state = .done
        outcome = .ready(features)
        return []
    }

    private mutating func refuse(_ reply: ServerReply) -> [ClientAction] {
        fail(
            ServerFailure(
                status: reply.status, reason: "host \(peer.name) refused to talk to me: \(reply.text)",
                diagnostic: reply.text, canQuit: true))
    }

    private mutating func fail(_ failure: ServerFailure) -> [ClientAction] {
        state = .done
        outcome = .failed(failure)
        return []
    }
}
