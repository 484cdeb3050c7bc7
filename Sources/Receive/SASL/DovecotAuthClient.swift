import NIOCore
import NIOPosix
import Sockets

/// One connection to Dovecot's auth service, shared by every session of the process and made again when it is lost.
/// Requests carry ids, so any number may be under way.
actor DovecotAuthClient {
    enum Failure: Error {
        /// Not a Dovecot auth client socket, or an unknown protocol version; the text is for the log.
        case unusable(String)
        case lost
    }

    private struct Link {
        let channel: any Channel
        let mechanisms: [SASLMechanism]
    }

    /// An exchange that waits for an answer, and the connection on which it asked: an older one may end later.
    private struct Waiter {
        let channel: any Channel
        let continuation: CheckedContinuation<DovecotAuthLine, any Error>
    }

    private let endpoint: DovecotEndpoint
    private let group: any EventLoopGroup
    private let sockets: any Sockets
    private let processID: Int32
    private let timeout: TimeAmount
    private var link: Link?
    private var connecting: Task<Link, any Error>?
    private var waiting: [UInt32: Waiter] = [:]
    private var lastID: UInt32 = 0

    init(
        endpoint: DovecotEndpoint, group: any EventLoopGroup, sockets: any Sockets, processID: Int32,
        timeout: TimeAmount = .seconds(10)
    ) {
        self.endpoint = endpoint
        self.group = group
        self.sockets = sockets
        self.processID = processID
        self.timeout = timeout
    }

    func mechanisms() async throws -> [SASLMechanism] { try await connected().mechanisms }

    /// Starts an exchange; a connection that turns out to be dead is made again once.
    func begin(_ line: @Sendable (UInt32) -> String) async throws -> (id: UInt32, answer: DovecotAuthLine) {
        let hadLink = link != nil
        let id = nextID()
        do {
            return (id, try await exchange(id, line(id)))
        } catch  where hadLink {
            let again = nextID()
            return (again, try await exchange(again, line(again)))
        }
    }

    /// Sends the next line of an exchange. After a lost connection the exchange is gone.
    func exchange(_ id: UInt32, _ line: String) async throws -> DovecotAuthLine {
        let link = try await connected()
        let loop = link.channel.eventLoop
        let timer = loop.scheduleTask(in: timeout) { [weak self] in
            guard let self else { return }
            Task { await self.fail(id) }
        }
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            waiting[id] = Waiter(channel: link.channel, continuation: continuation)
            link.channel.writeAndFlush(ByteBuffer(string: line), promise: nil)
        }
    }

    private func nextID() -> UInt32 {
        lastID = lastID == .max ? 1 : lastID + 1
        return lastID
    }

    private func fail(_ id: UInt32) { waiting.removeValue(forKey: id)?.continuation.resume(throwing: Failure.lost) }

    private func connected() async throws -> Link {
        if let link, link.channel.isActive { return link }
        if let connecting { return try await connecting.value }
        let task = Task { try await self.connect() }
        connecting = task
        defer { connecting = nil }
        return try await task.value
    }

    private func connect() async throws -> Link {
        let (lines, feed) = AsyncStream.makeStream(of: DovecotAuthLine.self)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(DovecotLineHandler(feed: feed))
            }
        }
        let channel: any Channel
        switch endpoint {
        case .unix(let path):
            channel = try await sockets.connect(
                to: SocketAddress(unixDomainSocketPath: path), on: group.next(), timeout: timeout, options: { $0 },
                initializer: initializer
            ).get()
        case .inet(let host, let port):
            channel = try await ClientBootstrap(group: group).connectTimeout(timeout).channelInitializer(initializer)
                .connect(host: host, port: port).get()
        }
        channel.writeAndFlush(ByteBuffer(string: "VERSION\t1\t0\nCPID\t\(processID)\n"), promise: nil)
        let greetingLimit = channel.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        var iterator = lines.makeAsyncIterator()
        var mechanisms: [SASLMechanism] = []
        handshake: while true {
            guard let line = await iterator.next() else { throw Failure.lost }
            switch line {
            case .version(let major) where major != 1:
                channel.close(promise: nil)
                throw Failure.unusable("the authentication server speaks protocol version \(major), not 1")
            case .mechanism(let mechanism, isPrivate: false): mechanisms.append(mechanism)
            case .serverProcess where mechanisms.isEmpty:
                channel.close(promise: nil)
                throw Failure.unusable("the socket is Dovecot's auth-master socket: it offers no mechanism to clients")
            case .done: break handshake
            default: break
            }
        }
        greetingLimit.cancel()
        let made = Link(channel: channel, mechanisms: mechanisms)
        link = made
        Task { await self.deliver(lines, from: channel) }
        return made
    }

    /// Hands each answer to the exchange that waits for it on this connection, until the connection ends.
    private func deliver(_ lines: AsyncStream<DovecotAuthLine>, from channel: any Channel) async {
        for await line in lines {
            switch line {
            case .challenge(let id, _), .success(let id, _), .failure(let id, _, _):
                guard let waiter = waiting[id], waiter.channel === channel else { break }
                waiting[id] = nil
                waiter.continuation.resume(returning: line)
            default: break
            }
        }
        if link?.channel === channel { link = nil }
        let orphans = waiting.filter { $0.value.channel === channel }
        for (id, waiter) in orphans {
            waiting[id] = nil
            waiter.continuation.resume(throwing: Failure.lost)
        }
    }
}

/// Where Dovecot listens: smtpd_sasl_path.
enum DovecotEndpoint: Hashable {
    /// Absolute, or relative to the queue directory.
    case unix(String)
    case inet(host: String, port: Int)

    /// `private/auth`, `/run/dovecot/auth-client`, `unix:private/auth`, `inet:host:port`; nil for a bad port.
    init?(_ path: String) {
        if path.hasPrefix("inet:") {
            let rest = path.dropFirst(5)
            guard let colon = rest.lastIndex(of: ":"), let port = Int(rest[rest.index(after: colon)...]),
                (1...65535).contains(port)
            else { return nil }
            let host = rest[..<colon].drop { $0 == "[" }
            self = .inet(host: host.last == "]" ? String(host.dropLast()) : String(host), port: port)
        } else {
            self = .unix(path.hasPrefix("unix:") ? String(path.dropFirst(5)) : path)
        }
    }
}

/// Cuts the byte stream into lines; a line beyond the limit ends the connection.
private final class DovecotLineHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let longestLine = 65536
    private let feed: AsyncStream<DovecotAuthLine>.Continuation
    private var pending = ByteBuffer()

    init(feed: AsyncStream<DovecotAuthLine>.Continuation) { self.feed = feed }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        pending.writeBuffer(&bytes)
        while let end = pending.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let length = end - pending.readerIndex
            let text = pending.readString(length: length) ?? ""
            pending.moveReaderIndex(forwardBy: 1)
            if let line = DovecotAuthLine(text) { feed.yield(line) }
        }
        pending.discardReadBytes()
        if pending.readableBytes > Self.longestLine { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { feed.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
