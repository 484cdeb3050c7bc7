import MailSystem
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Sockets
import TLS

/// A connection to a server, from connect to close; may carry several messages.
final class ClientConnection: Sendable {
    struct State: Sendable {
        var features = ServerFeatures()
        var uses = 0
        var isDead = false
        var isSecure = false
    }

    let channel: any Channel
    let peer: Peer
    /// Monotonic, nanoseconds.
    let opened: UInt64
    private let handler: NIOLoopBound<ClientHandler>
    private let state: NIOLockedValueBox<State>

    private init(
        channel: any Channel, peer: Peer, opened: UInt64, handler: NIOLoopBound<ClientHandler>,
        state: NIOLockedValueBox<State>
    ) {
        self.channel = channel
        self.peer = peer
        self.opened = opened
        self.handler = handler
        self.state = state
    }

    var current: State { state.withLockedValue { $0 } }

    func update(_ body: (inout State) -> Void) { state.withLockedValue { body(&$0) } }

    /// Connects. Throws what NIO says went wrong.
    static func connect(
        to address: SocketAddress, peer: Peer, from local: SocketAddress?, settings: ClientSettings,
        tls: TLSContext?, verifying names: [String], log: MailLog, clock: any MailClock, group: any EventLoopGroup,
        sockets: any Sockets
    ) async throws -> ClientConnection {
        let timeout = settings.timeouts.connect > 0 ? settings.timeouts.connect : 86400
        // On the event loop of the delivery: a change of threads for each reply would cost more than the dialogue.
        let loop = MultiThreadedEventLoopGroup.currentEventLoop ?? group.next()
        let state = NIOLockedValueBox(State())
        let makeTLS: @Sendable () throws -> TLSHandler = {
            guard let tls else { throw TLSConfigurationError("TLS engine is unavailable") }
            return try TLSHandler(
                context: tls, serverName: settings.tlsServerName, verifying: names, sessionKey: peer.nameAndPort,
                handshakeTimeout: .seconds(Int64(settings.timeouts.startTLS)))
        }
        let handlerBox = NIOLockedValueBox<NIOLoopBound<ClientHandler>?>(nil)
        let channel = try await sockets.connect(
            to: address, on: loop, timeout: .seconds(Int64(timeout)),
            options: { bootstrap in
                let bound = local.map { bootstrap.bind(to: $0) } ?? bootstrap
                return peer.port != 0 ? bound.channelOption(.tcpOption(.tcp_nodelay), value: 1) : bound
            }
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = ClientHandler(
                    peer: peer, log: log, tlsLogLevel: settings.tlsLogLevel,
                    dataTimeout: settings.timeouts.dataTransfer, lineLimit: settings.replyLineLimit,
                    tls: makeTLS, onDeath: { state.withLockedValue { $0.isDead = true } })
                handlerBox.withLockedValue { $0 = NIOLoopBound(handler, eventLoop: channel.eventLoop) }
                try channel.pipeline.syncOperations.addHandler(handler)
            }
        }.get()
        guard let handler = handlerBox.withLockedValue({ $0 }) else {
            throw ChannelError.inappropriateOperationForState
        }
        return ClientConnection(
            channel: channel, peer: peer, opened: clock.monotonicNanoseconds(), handler: handler, state: state)
    }

    /// Runs a dialogue to its end.
    func run<D: Dialogue>(_ dialogue: D, content: MessageContent? = nil) async -> D.Outcome? {
        let promise = channel.eventLoop.makePromise(of: D.Outcome.self)
        let handler = handler
        channel.eventLoop.execute { handler.value.run(DialogueRun(dialogue, promise), content: content) }
        // Never fails: each dialogue ends with an outcome, at the latest when the connection does.
        return try? await promise.futureResult.get()
    }

    /// QUIT, then close.
    func quit() {
        let handler = handler
        channel.eventLoop.execute { handler.value.quit() }
    }

    func close() { channel.close(promise: nil) }
}
