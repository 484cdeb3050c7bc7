import MailSystem
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TLS

/// What comes from a server that is looked at.
enum ProbeEvent: Sendable {
    case reply(ServerReply)
    case secured(TLSSessionInfo)
    case failed(TLSFailure)
    case closed
    case timedOut
}

/// A connection on which one thing is asked after the other.
struct ProbeConnection: Sendable {
    let channel: any Channel
    private let mailbox: ProbeMailbox

    /// - Parameters:
    ///   - connected: called before the first line.
    ///   - line: gets each line of the server as it comes, without its end.
    static func open(
        _ address: SocketAddress, timeout: Int, group: any EventLoopGroup, connected: @escaping @Sendable () -> Void,
        line: @escaping @Sendable (String) -> Void
    ) async throws -> ProbeConnection {
        let mailbox = ProbeMailbox()
        let channel = try await ClientBootstrap(group: group).connectTimeout(.seconds(Int64(timeout)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ProbeHandler(mailbox: mailbox, connected: connected, line: line))
                }
            }.connect(to: address).get()
        return ProbeConnection(channel: channel, mailbox: mailbox)
    }

    /// The next event; `timedOut` after that many seconds without one.
    func next(within seconds: Int) async -> ProbeEvent {
        let promise = channel.eventLoop.makePromise(of: ProbeEvent.self)
        let mailbox = mailbox
        let timer = channel.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { mailbox.put(.timedOut) }
        mailbox.wait(promise)
        let event = (try? await promise.futureResult.get()) ?? .closed
        timer.cancel()
        return event
    }

    func send(_ text: String) {
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    /// Starts TLS; its end is an event.
    func secure(_ make: @escaping @Sendable () throws -> TLSHandler) async throws {
        let channel = channel
        mailbox.clear()
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(try make(), position: .first)
        }.get()
    }

    func close() async { try? await channel.close().get() }
}

/// Events until somebody waits for them.
private final class ProbeMailbox: Sendable {
    private struct State {
        var events: [ProbeEvent] = []
        var waiter: EventLoopPromise<ProbeEvent>?
    }

    private let state = NIOLockedValueBox(State())

    func put(_ event: ProbeEvent) {
        let waiter: EventLoopPromise<ProbeEvent>? = state.withLockedValue { state in
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            // A server that talks without being asked does not fill the memory; a late time-out is of no interest.
            if case .timedOut = event { return nil }
            if state.events.count < 16 { state.events.append(event) }
            return nil
        }
        waiter?.succeed(event)
    }

    func wait(_ promise: EventLoopPromise<ProbeEvent>) {
        let event: ProbeEvent? = state.withLockedValue { state in
            if state.events.isEmpty {
                state.waiter = promise
                return nil
            }
            return state.events.removeFirst()
        }
        if let event { promise.succeed(event) }
    }

    /// What was said before TLS is not an answer to what is asked after it (RFC 3207 §6).
    func clear() { state.withLockedValue { $0.events = [] } }
}

/// Cuts lines and replies.
private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let mailbox: ProbeMailbox
    private let connected: @Sendable () -> Void
    private let line: @Sendable (String) -> Void
    private var parser = ReplyParser()
    private var partial: [UInt8] = []

    init(
        mailbox: ProbeMailbox, connected: @escaping @Sendable () -> Void, line: @escaping @Sendable (String) -> Void
    ) {
        self.mailbox = mailbox
        self.connected = connected
        self.line = line
    }

    func channelActive(context: ChannelHandlerContext) {
        connected()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for byte in unwrapInboundIn(data).readableBytesView {
            if byte == 0x0A { endLine() } else if partial.count < parser.maximumLine { partial.append(byte) }
        }
    }

    private func endLine() {
        while partial.last == 0x0D { partial.removeLast() }
        line(String(decoding: partial.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self))
        for reply in parser.consume(partial + [0x0A]) { mailbox.put(.reply(reply)) }
        partial = []
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.established(let info): mailbox.put(.secured(info))
        case TLSEvent.failed(let failure): mailbox.put(.failed(failure))
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        mailbox.put(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// Whether the server's lines are shown.
final class ProbeSilence: Sendable {
    private let value = NIOLockedValueBox(false)

    var isOn: Bool {
        get { value.withLockedValue { $0 } }
        set { value.withLockedValue { $0 = newValue } }
    }
}
