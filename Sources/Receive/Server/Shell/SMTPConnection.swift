import InternalProtocol
import MailSyntax
import NIOCore
import TLS

/// One client's connection: frames its bytes into commands and content, feeds the session, writes the replies.
///
/// Reading stops while more input waits than `inputLimit`, or while the client does not take its replies. A task exists
/// only while there is input to work on: an idle connection is memory, nothing else.
actor SMTPConnection {
    enum Mode: Equatable {
        case command
        case authentication
        case data
        case chunk(remaining: Int, size: Int, isLast: Bool)
        case handshake
        case closed
    }

    private let executor: LoopExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let service: ServerService
    private let channel: any Channel
    private var session: SMTPSession?
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var mode = Mode.command
    private var data = DataDecoder(isStrict: true)
    private var chunks = ChunkDecoder()
    private var lineReader: LineReader
    /// Input that is held while a command is processed, but for the last read. More than any line.
    private let inputLimit: Int
    private var isReading: Bool
    private var isRunning = false
    /// Not served yet: the service has as many clients as it may have.
    private var isHeld = false
    private var inputHasEnded = false
    private var isHandshaking = false
    private var readsContent = false
    /// Bytes came in since the last step.
    private var hasNewInput = false
    private var idleSince: NIODeadline
    /// The input since `idleSince` was not enough for a step: with smtpd_per_request_deadline the time goes on.
    private var isMidRequest = false
    /// Bytes of content since then.
    private var contentBytes = 0
    private var timer: Scheduled<Void>?

    init(channel: any Channel, service: ServerService, executor: LoopExecutor) {
        self.channel = channel
        self.service = service
        self.executor = executor
        idleSince = channel.eventLoop.now
        lineReader = LineReader(limit: service.settings.lineLimit)
        inputLimit = max(service.settings.lineLimit, 0) &+ (64 << 10)
        isReading = !service.settings.wrapsTLS
    }

    // MARK: Events of the channel

    /// Before `started`: the client waits for `admit`.
    func hold() { isHeld = true }

    /// Serves a client that was held. From any thread.
    nonisolated func admit() {
        channel.eventLoop.execute {
            self.assumeIsolated { connection in
                connection.isHeld = false
                if connection.isRunning { connection.serve() }
            }
        }
    }

    func started() {
        isRunning = true
        if !isHeld { serve() }
    }

    private func serve() {
        idleSince = channel.eventLoop.now
        isHandshaking = service.settings.wrapsTLS
        scheduleTimeout()
        Task(executorPreference: executor) { await self.begin() }
    }

    func received(_ bytes: ByteBuffer) {
        guard mode != .closed else { return }
        var bytes = bytes
        if readsContent { contentBytes += bytes.readableBytes }
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        hasNewInput = true
        adjustReading()
        wake()
    }

    func inputEnded() {
        inputHasEnded = true
        if isHandshaking, !isRunning { return lostInHandshake() }
        wake()
    }

    /// The end of input does not show in the TLS handler while the other direction stays open.
    private func lostInHandshake() {
        isHandshaking = false
        isRunning = true
        if let peer = session?.facts.client.nameAndAddress {
            service.environment.log.info("SSL_accept error from \(peer): lost connection")
        }
        Task(executorPreference: executor) { await self.end(.lost) }
    }

    func writabilityChanged() {
        adjustReading()
    }

    func tlsEvent(_ event: TLSEvent) {
        isRunning = true
        Task(executorPreference: executor) { await self.tlsChanged(event) }
    }

    private func wake() {
        guard !isRunning, !isHandshaking else { return }
        isRunning = true
        Task(executorPreference: executor) { await self.run() }
    }

    // MARK: Life

    private func begin() async {
        let remote = channel.remoteAddress
        let client = await service.identity(
            address: remote?.ipAddress.flatMap(IPAddress.init(peerText:)),
            port: remote?.port.map(String.init) ?? "unknown")
        let local = channel.localAddress
        let facts = SessionFacts(
            client: client,
            serverAddress: local?.ipAddress.flatMap(IPAddress.init(peerText:))?.description ?? "unknown",
            serverPort: local?.port.map(String.init) ?? "unknown")
        let session = SMTPSession(facts: facts, settings: service.settings, environment: service.environment)
        self.session = session
        if isHandshaking {
            session.logConnect()
            if inputHasEnded { return await end(.lost) }
            startHandshake()
            return idle()
        }
        session.logConnect()
        await apply(await session.greet(pending: Array(input.readableBytesView.prefix(100))))
        await run()
    }

    /// Works on the input until there is not enough of it.
    private func run() async {
        while mode != .closed, !isHandshaking {
            hasNewInput = false
            guard await advance() else { break }
        }
        if mode == .closed { return }
        if inputHasEnded { return await end(.lost) }
        flush()
        idle()
    }

    private func idle() {
        isRunning = false
        if !isMidRequest || !service.settings.limitsRequests {
            idleSince = channel.eventLoop.now
            contentBytes = 0
        }
        isMidRequest = true
        if input.readableBytes == 0 { input = ByteBuffer() }
        // What came in while the last step ran (the end of input, TLS events) has not been looked at.
        if isHandshaking, inputHasEnded, mode != .closed { return lostInHandshake() }
        adjustReading()
        if inputHasEnded || hasNewInput, mode != .closed { wake() }
    }

    private func adjustReading() {
        let wanted = mode != .closed && channel.isWritable && input.readableBytes <= inputLimit
        guard wanted != isReading else { return }
        isReading = wanted
        set(.autoRead, wanted)
    }

    private func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) {
        // Fails only on a channel that is closed.
        try? channel.syncOptions?.setOption(option, value: value)
    }

    /// One step. - Returns: false when more input is needed.
    private func advance() async -> Bool {
        guard let session else { return false }
        switch mode {
        case .command, .authentication:
            guard let line = lineReader.next(&input) else { return false }
            if line.isCut { session.logLongLine(line.bytes) }
            if mode == .authentication {
                mode = .command
                await apply(await session.authenticationLine(line.bytes))
            } else {
                let pending = Array(input.readableBytesView.prefix(100))
                await apply(await session.command(line.bytes, bareNewline: line.isBare, pending: pending))
            }
            return true
        case .data:
            guard input.readableBytes > 0 else { return false }
            var text = ByteBuffer()
            let result = data.decode(&input, into: &text)
            if text.readableBytes > 0 {
                await session.content(text, wireBytes: result.wireBytes, bareNewline: result.sawBareNewline)
            }
            guard result.isComplete else { return false }
            mode = .command
            await apply(await session.endOfData())
            return true
        case .chunk(let remaining, let size, let isLast): return await advanceChunk(session, remaining, size, isLast)
        case .handshake, .closed: return false
        }
    }

    private func advanceChunk(_ session: SMTPSession, _ remaining: Int, _ size: Int, _ isLast: Bool) async -> Bool {
        if remaining > 0 {
            guard input.readableBytes > 0 else { return false }
            var text = ByteBuffer()
            var result = chunks.decode(&input, limit: remaining, into: &text)
            let left = remaining - result.consumed
            mode = .chunk(remaining: left, size: size, isLast: isLast)
            if left == 0, isLast { result.wireBytes += chunks.finish(into: &text) }
            await session.chunkContent(text, wireBytes: result.wireBytes, bareNewline: result.sawBareNewline)
            return true
        }
        mode = .command
        if isLast {
            // `BDAT 0 LAST` after a chunk without a line end.
            var rest = ByteBuffer()
            let added = chunks.finish(into: &rest)
            if added > 0 { await session.chunkContent(rest, wireBytes: added, bareNewline: false) }
            chunks = ChunkDecoder()
        }
        await apply(await session.endOfChunk(size: size, isLast: isLast))
        return true
    }

    /// Does what the session decided.
    private func apply(_ step: SessionStep) async {
        isMidRequest = false
        if step.delay > 0, step.reply != nil {
            flush()
            _ = try? await channel.eventLoop.scheduleTask(in: .seconds(Int64(step.delay))) {}.futureResult.get()
        }
        session?.noteSent(step)
        if let reply = step.reply { output.writeString(reply.wire) }
        if let farewell = step.farewell { output.writeString(farewell.wire) }
        expectContent(false)
        switch step.next {
        case .command: mode = .command
        case .authentication: mode = .authentication
        case .data:
            mode = .data
            data = DataDecoder(isStrict: session?.bareNewline != .allow)
            expectContent(true)
        case .chunk(let size, let isLast):
            mode = .chunk(remaining: size, size: size, isLast: isLast)
            expectContent(true)
        case .startTLS:
            flush()
            // What was sent in plaintext behind STARTTLS must not be taken for commands (RFC 3207 §4.2).
            input = ByteBuffer()
            isHandshaking = true
            startHandshake()
        case .close: await end(.quit)
        }
    }

    /// Larger reads while content comes in.
    private func expectContent(_ expected: Bool) {
        guard expected != readsContent else { return }
        readsContent = expected
        set(.recvAllocator, expected ? ServiceListener.contentBuffer : ServiceListener.commandBuffer)
    }

    private func flush() {
        guard output.readableBytes > 0 else { return }
        channel.writeAndFlush(output, promise: nil)
        output = ByteBuffer()
    }

    private func end(_ end: SMTPSession.End) async {
        guard mode != .closed else { return }
        mode = .closed
        timer?.cancel()
        flush()
        channel.close(promise: nil)
        await session?.end(end)
        session = nil
        input = ByteBuffer()
    }

    // MARK: TLS

    private func startHandshake() {
        mode = .handshake
        guard let tls = service.tls else { return channel.close(promise: nil) }
        do {
            let handler = try TLSHandler(
                context: tls, peer: session?.facts.client.nameAndAddress ?? "",
                handshakeTimeout: .seconds(Int64(service.settings.startTLSTimeout)))
            try channel.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            service.environment.log.warning("\(error)")
            channel.close(promise: nil)
        }
    }

    private func tlsChanged(_ event: TLSEvent) async {
        guard let session, mode != .closed else { return }
        let log = service.environment.log
        let peer = session.facts.client.nameAndAddress
        switch event {
        case .failed(let failure):
            isHandshaking = false
            if failure.duringHandshake { log.info(failure.logSummary(role: .server, peer: peer)) }
            for warning in failure.warnings { log.warning(warning) }
            await end(.lost)
        case .established(let info):
            isHandshaking = false
            mode = .command
            if service.settings.tlsLogLevel > 0 { log.info(info.logSummary(peer: peer)) }
            await session.becomeEncrypted(
                TLSFacts(info), receivedComment: info.receivedComment, isResumed: info.isResumed)
            if service.settings.requiresClientCertificate, info.peerCertificate?.isTrusted != true {
                await refuseCertificate(info, session)
            } else if service.settings.wrapsTLS {
                await apply(await session.greet())
            }
            await run()
        }
    }

    private func refuseCertificate(_ info: TLSSessionInfo, _ session: SMTPSession) async {
        let reason =
            info.peerCertificate == nil ? "No client certificate presented" : "Client certificate not trusted"
        service.environment.log.info("NOQUEUE: abort: TLS from \(session.facts.client.nameAndAddress): \(reason)")
        output.writeString(
            ServerReply(421, "4.7.1", "\(service.settings.myhostname) Error: \(reason)").wire)
        await end(.quit)
    }

    // MARK: Time limit

    private func scheduleTimeout() {
        let limit = timeLimit
        // The connection is held by its channel; the timer must not keep it.
        timer = channel.eventLoop.scheduleTask(
            deadline: max(idleSince, channel.eventLoop.now - limit) + limit
        ) { [weak self] in
            self?.assumeIsolated { $0.timeIsUp() }
        }
    }

    /// smtpd_timeout; content that comes at smtpd_min_data_rate or faster gets the time that it needs.
    private var timeLimit: TimeAmount {
        let settings = service.settings
        let extra =
            settings.limitsRequests && settings.minimumDataRate > 0 ? contentBytes / settings.minimumDataRate : 0
        return .seconds(Int64(settings.timeout) + Int64(extra))
    }

    private func timeIsUp() {
        guard mode != .closed else { return }
        let limit = timeLimit
        if isRunning || isHandshaking || channel.eventLoop.now - idleSince < limit {
            // Our own work does not count, nor does that of a handshake, which has a limit of its own.
            if isRunning || isHandshaking, !(isMidRequest && service.settings.limitsRequests) {
                idleSince = channel.eventLoop.now
            }
            return scheduleTimeout()
        }
        isRunning = true
        Task(executorPreference: executor) { await self.timedOut() }
    }

    private func timedOut() async {
        if let session { output.writeString(session.timeoutReply.wire) }
        await end(.timeout)
    }
}

extension TLSFacts {
    init(_ info: TLSSessionInfo) {
        self.init(
            version: info.protocolName, cipher: info.cipher, cipherBits: info.usedBits,
            algorithmBits: info.algorithmBits)
        guard let certificate = info.peerCertificate else { return }
        isTrusted = certificate.isTrusted
        subject = certificate.commonName
        issuer = certificate.issuer
        fingerprint = certificate.fingerprint
        publicKeyFingerprint = certificate.publicKeyFingerprint
    }
}

extension IPAddress {
    /// A socket's address; an IPv4 client of an IPv6 socket counts as IPv4.
    init?(peerText: String) {
        let plain = peerText.split(separator: "%").first.map(String.init) ?? peerText
        if ASCII.hasPrefixIgnoringCase(plain, "::ffff:"), let mapped = IPAddress(String(plain.dropFirst(7))),
            mapped.isIPv4
        {
            self = mapped
        } else {
            guard let address = IPAddress(plain) else { return nil }
            self = address
        }
    }
}
