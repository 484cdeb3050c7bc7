import MailSystem
import NIOCore
import TLS

/// Runs dialogues over a channel: cuts replies, carries out actions, watches the time, starts TLS, streams content.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let peer: Peer
    private let log: MailLog
    private let tls: @Sendable () throws -> TLSHandler
    private let tlsLogLevel: Int
    private let dataTimeout: Int
    private let onDeath: @Sendable () -> Void
    private var parser: ReplyParser
    private var running: (any RunningDialogue)?
    private var content: MessageContent?
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var isDead = false
    /// A fast server's banner, from before the first dialogue.
    private var early: [ServerReply] = []
    private var hasStarted = false

    /// - Parameters:
    ///   - lineLimit: line_length_limit, of replies.
    ///   - tls: makes the handler for STARTTLS.
    ///   - onDeath: the connection can't be used any more.
    init(
        peer: Peer, log: MailLog, tlsLogLevel: Int, dataTimeout: Int, lineLimit: Int,
        tls: @escaping @Sendable () throws -> TLSHandler,
        onDeath: @escaping @Sendable () -> Void
    ) {
        self.peer = peer
        self.log = log
        self.tlsLogLevel = tlsLogLevel
        self.dataTimeout = dataTimeout
        parser = ReplyParser(maximumLine: lineLimit)
        self.tls = tls
        self.onDeath = onDeath
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        die()
        self.context = nil
    }

    /// Starts `dialogue`; the promise gets its outcome.
    func run(_ dialogue: some RunningDialogue, content: MessageContent?) {
        running = dialogue
        self.content = content
        hasStarted = true
        perform(dialogue.start())
        let replies = early
        early = []
        for reply in replies { deliver(.reply(reply)) }
        if isDead { deliver(.lost) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard running != nil || !hasStarted else {
            // Nothing was asked: 421 before closing, most likely.
            die()
            context.close(promise: nil)
            return
        }
        for reply in parser.consume(bytes.readableBytesView) {
            if hasStarted { deliver(.reply(reply)) } else if early.count < 4 { early.append(reply) }
        }
        for notice in parser.takeNotices() { log.warning("\(peer.nameAndPort): \(notice)") }
        if parser.isEndless {
            die()
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        die()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        die()
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.established(let info):
            if tlsLogLevel > 0 { log.info(info.logSummary(peer: peer.nameAndPort)) }
            deliver(.secured(Self.outcome(info)))
        case TLSEvent.failed(let failure):
            if failure.duringHandshake {
                log.info(failure.logSummary(role: .client, peer: peer.nameAndPort))
                failure.warnings.forEach(log.warning)
                deliver(.secured(.failed))
            } else {
                failure.warnings.forEach(log.warning)
                die()
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private static func outcome(_ info: TLSSessionInfo) -> TLSOutcome {
        guard let certificate = info.peerCertificate, certificate.isTrusted else { return .untrusted }
        return certificate.isVerified ? .verified : .trusted
    }

    /// Says good-bye and closes, without waiting for the answer (smtp_skip_quit_response).
    func quit() {
        guard let context, !isDead else { return }
        isDead = true
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "QUIT\r\n")), promise: nil)
        context.close(promise: nil)
    }

    private func die() {
        timer?.cancel()
        timer = nil
        guard !isDead else { return }
        isDead = true
        onDeath()
        deliver(.lost)
    }

    private func deliver(_ event: ClientEvent) {
        guard let running else { return }
        let actions = running.receive(event)
        if !running.isDone { timer?.cancel() }
        perform(actions)
    }

    private func settle() {
        guard let done = running, done.isDone else { return }
        timer?.cancel()
        timer = nil
        running = nil
        content = nil
        done.complete()
    }

    private func perform(_ actions: [ClientAction]) {
        var output = ""
        for action in actions {
            switch action {
            case .send(let commands): output += commands
            case .sendDot: output += ".\r\n"
            case .expect(let seconds): expect(seconds)
            case .log(let text): log.info(text)
            case .warn(let text): log.warning(text)
            case .startTLS: startTLS()
            case .sendContent: sendContent()
            }
        }
        if !output.isEmpty, let context {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: output)), promise: nil)
        }
        settle()
    }

    private func expect(_ seconds: Int) {
        guard let context else { return }
        timer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: .seconds(Int64(max(seconds, 1)))) {
            let handler = bound.value
            handler.deliver(.timedOut)
            // Whatever comes now would be taken for the answer to something else.
            handler.isDead = true
            handler.onDeath()
            handler.context?.close(promise: nil)
        }
    }

    private func startTLS() {
        guard let context else { return }
        // Plaintext that came with the reply was not said under TLS: forget it (RFC 3207 §6).
        parser = ReplyParser(maximumLine: parser.maximumLine)
        do {
            try context.pipeline.syncOperations.addHandler(try tls(), position: .first)
        } catch {
            log.warning("\(error)")
            deliver(.secured(.failed))
        }
    }

    private func sendContent() {
        guard let context, let content else { return deliver(.lost) }
        expect(dataTimeout)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        if content.isWhole {
            var bytes = content.first
            ContentSender.writeEnd(&bytes, after: content.first)
            context.writeAndFlush(wrapOutboundOut(bytes)).whenSuccess { bound.value.deliver(.contentSent) }
            return
        }
        let sender = ContentSender(
            content: content, channel: context.channel, log: log, progress: { bound.value.madeProgress() },
            done: { bound.value.deliver(.contentSent) })
        content.stream(sender)
    }

    private func madeProgress() {
        if running != nil, !isDead { expect(dataTimeout) }
    }
}

/// A dialogue under way, whatever its kind.
protocol RunningDialogue: AnyObject {
    var isDone: Bool { get }
    func start() -> [ClientAction]
    func receive(_ event: ClientEvent) -> [ClientAction]
    func complete()
}

final class DialogueRun<D: Dialogue>: RunningDialogue {
    private var dialogue: D
    private let promise: EventLoopPromise<D.Outcome>

    init(_ dialogue: D, _ promise: EventLoopPromise<D.Outcome>) {
        self.dialogue = dialogue
        self.promise = promise
    }

    var isDone: Bool { dialogue.outcome != nil }
    func start() -> [ClientAction] { dialogue.start() }
    func receive(_ event: ClientEvent) -> [ClientAction] { dialogue.receive(event) }
    func complete() { if let outcome = dialogue.outcome { promise.succeed(outcome) } }
}
