import DNS
import MailSyntax
import MailSystem
import NIOCore
import NIOPosix
import TLS

/// One look at one server: banner, EHLO, STARTTLS, EHLO, QUIT. What happens is told as it happens.
struct ServerProbe: Sendable {
    let options: FingerOptions
    let level: FingerOptions.Level
    let heloName: String
    let peer: Peer
    let address: SocketAddress
    /// Nil: no TLS, or its settings can't be used.
    let tls: TLSContext?
    let dane: DANEPolicy?
    /// Names of which the certificate must have one.
    let names: [String]
    let group: any EventLoopGroup
    let log: MailLog
    /// `-r`: not the first look.
    var isAgain = false

    struct Result: Sendable {
        /// The server's name in its EHLO reply.
        var serverName = ""
        var isResumed = false
        var hasTLS = false
        /// The connection could not be made: the next address may do.
        var connectFailure: String?
    }

    private func say(_ text: String) {
        if options.showsDialogue { log.info(text) }
    }

    private var hello: String { options.mode == .lmtp ? "LHLO" : "EHLO" }

    func run() async -> Result {
        let connection: ProbeConnection
        // A second look shows the banner and QUIT only.
        let quiet = ProbeSilence()
        do {
            connection = try await ProbeConnection.open(
                address, timeout: options.connectTimeout, group: group,
                connected: { [self] in if !isAgain { say("Connected to \(peer.nameAndPort)") } },
                line: { [self] line in if !quiet.isOn { say("< \(line)") } })
        } catch {
            return Result(connectFailure: "connect to \(peer.nameAndPort): \(Connector.text(error))")
        }
        let result = await talk(connection, quiet)
        await connection.close()
        return result
    }

    private func talk(_ connection: ProbeConnection, _ quiet: ProbeSilence) async -> Result {
        var result = Result()
        if options.wraps {
            guard await startTLS(connection, &result) else { return result }
        }
        guard let banner = await reply(connection, "conn", options.connectTimeout) else { return result }
        guard banner.isPositive else {
            log.info("connection rejected: \(banner.text)")
            return result
        }
        quiet.isOn = isAgain
        guard let features = await ehlo(connection, &result) else { return result }
        if features.startTLS, level != .none, !options.wraps, tls != nil {
            if !isAgain { say("> STARTTLS") }
            connection.send("STARTTLS\r\n")
            guard let answer = await reply(connection, "STARTTLS", options.commandTimeout) else { return result }
            guard answer.isPositive else {
                log.info("STARTTLS rejected: \(answer.text)")
                await quit(connection, quiet)
                return result
            }
            guard await startTLS(connection, &result) else { return result }
            guard await ehlo(connection, &result) != nil else { return result }
        }
        await quit(connection, quiet)
        return result
    }

    private func ehlo(_ connection: ProbeConnection, _ result: inout Result) async -> ServerFeatures? {
        if !isAgain { say("> \(hello) \(heloName)") }
        connection.send("\(hello) \(heloName)\r\n")
        guard let answer = await reply(connection, hello, options.commandTimeout) else { return nil }
        guard answer.isPositive else {
            log.info("\(hello) rejected: \(answer.text)")
            return nil
        }
        result.serverName = answer.lines.first?.split(separator: " ").first.map(String.init) ?? ""
        return ServerFeatures(answer, discarding: [])
    }

    private func quit(_ connection: ProbeConnection, _ quiet: ProbeSilence) async {
        say("> QUIT")
        quiet.isOn = false
        connection.send("QUIT\r\n")
        _ = await reply(connection, "QUIT", options.commandTimeout)
    }

    private func reply(_ connection: ProbeConnection, _ doing: String, _ seconds: Int) async -> ServerReply? {
        switch await connection.next(within: seconds) {
        case .reply(let reply): return reply
        case .timedOut: log.info("timeout while waiting for \(doing) reply from \(peer.nameAndPort)")
        case .failed(let failure): failure.warnings.forEach(log.warning)
        case .closed, .secured:
            // After QUIT a server need not answer.
            if doing != "QUIT" { log.info("lost connection while waiting for \(doing) reply from \(peer.nameAndPort)") }
        }
        return nil
    }

    /// False when the handshake failed.
    private func startTLS(_ connection: ProbeConnection, _ result: inout Result) async -> Bool {
        guard let tls else { return false }
        if options.log.contains(.verbose) {
            log.info("setting up TLS connection to \(peer.nameAndPort)")
            log.info("\(peer.nameAndPort): TLS cipher list \"\(tls.settings.cipherList)\"")
        }
        let serverName = dane?.baseDomain ?? options.serverName
        let (names, dane, key, timeout) = (names, dane, peer.nameAndPort, options.commandTimeout)
        do {
            try await connection.secure {
                try TLSHandler(
                    context: tls, serverName: serverName, verifying: dane == nil ? names : [], dane: dane,
                    sessionKey: key, handshakeTimeout: .seconds(Int64(timeout)))
            }
        } catch {
            log.warning("\(error)")
            return false
        }
        switch await connection.next(within: timeout + 5) {
        case .secured(let info):
            result.hasTLS = true
            result.isResumed = info.isResumed
            let report = TLSReport(
                options: options, level: level, peer: peer.nameAndPort, info: info,
                digest: tls.settings.fingerprintDigest,
                isAgain: isAgain)
            for line in report.lines { line.isWarning ? log.warning(line.text) : log.info(line.text) }
            if options.printsChain, !isAgain {
                do { try Descriptors.writeAll(Array(report.chainText.utf8), to: 1) } catch {}
            }
            return true
        case .failed(let failure):
            log.info(failure.logSummary(role: .client, peer: peer.nameAndPort))
            failure.warnings.forEach(log.warning)
        case .reply, .closed, .timedOut:
            log.info("SSL_connect error to \(peer.nameAndPort): lost connection")
        }
        return false
    }
}
