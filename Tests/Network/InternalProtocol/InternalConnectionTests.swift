import Glibc
import MailSystem
import NIOCore
import NIOEmbedded
import NIOPosix
import TestSupport
import Testing

@testable import InternalProtocol

@Suite struct InternalConnectionTests {
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private func request(_ recipients: Int) -> DeliveryRequest {
        var request = DeliveryRequest(
            service: "virtual", nexthop: "example.com", queueID: "4X1", sender: "jürgen@example.com", recipients: [])
        request.origin.clientName = "mail"
        request.flags = [.record, .connectionReuse]
        request.recipients = (0..<recipients).map {
            DeliveryRecipient(offset: $0, address: "u\($0)@example.com", originalAddress: "o", dsnNotify: 2)
        }
        return request
    }

    /// - Parameters:
    ///   - arrived: set when the message SLOW is there.
    ///   - released: what SLOW waits for.
    private func handlers(arrived: Signal = Signal(), released: Signal = Signal()) -> InternalHandlers {
        var handlers = InternalHandlers()
        handlers.on(DeliveryRequest.self) { request in
            if request.queueID == "SLOW" {
                arrived.set()
                await released.wait()
            }
            if request.queueID == "BAD" { throw WireError("no such message") }
            return DeliveryReport(
                results: request.recipients.map {
                    RecipientResult(
                        offset: $0.offset, outcome: .bounced, status: "5.1.1", action: "failed", reason: $0.address)
                },
                destinationFailure: DestinationFailure(status: "4.4.1", reason: "down"))
        }
        return handlers
    }

    @Test func valuesSurviveTheCodec() throws {
        let request = request(3)
        var writer = WireWriter()
        request.encode(into: &writer)
        var reader = WireReader(writer.buffer)
        #expect(try DeliveryRequest(from: &reader) == request)
        // Every cut of the bytes is an error, not a trap.
        for length in 0..<writer.buffer.readableBytes {
            var cut = WireReader(writer.buffer.getSlice(at: 0, length: length) ?? ByteBuffer())
            #expect(throws: WireError.self) { try DeliveryRequest(from: &cut) }
        }
    }

    @Test func callsOverASocketAnswerOutOfOrder() async throws {
        let path = "/tmp/apus-int-\(getpid())-a"
        let listener = try Listeners.unix(path: path, permissions: 0o600)
        let (arrived, released) = (Signal(), Signal())
        defer { released.set() }
        let server = try await InternalServer.start(
            listener: listener, group: Self.group, handlers: handlers(arrived: arrived, released: released))
        let connection = InternalConnection(path: path, eventLoop: Self.group.next())
        var slow = request(1)
        slow.queueID = "SLOW"
        let slowRequest = slow
        async let late = connection.call(slowRequest)
        await arrived.wait()
        let quick = try await connection.call(request(5000))
        #expect(quick.results.count == 5000)
        #expect(quick.results.last?.reason == "u4999@example.com")
        #expect(quick.destinationFailure?.status == "4.4.1")
        released.set()
        #expect(try await late.results.count == 1)
        var bad = request(1)
        bad.queueID = "BAD"
        let badRequest = bad
        await #expect(throws: InternalProtocolError.remote("no such message")) {
            try await connection.call(badRequest)
        }
        await server.drain()
        unlink(path)
    }

    @Test func drainWaitsForWorkAndNewCallsGoToTheNextGeneration() async throws {
        let path = "/tmp/apus-int-\(getpid())-b"
        let connection = InternalConnection(path: path, eventLoop: Self.group.next())
        await #expect(throws: InternalProtocolError.self) { try await connection.call(self.request(1)) }
        let listener = try Listeners.unix(path: path, permissions: 0o600)
        let (arrived, released) = (Signal(), Signal())
        defer { released.set() }
        let first = try await InternalServer.start(
            listener: dup(listener), group: Self.group, handlers: handlers(arrived: arrived, released: released))
        var slow = request(1)
        slow.queueID = "SLOW"
        let slowRequest = slow
        async let late = connection.call(slowRequest)
        await arrived.wait()
        async let drained: Void = first.drain()
        released.set()
        await drained
        #expect(try await late.results.count == 1)
        // The listener stayed open in "master": a second generation serves the same path.
        let second = try await InternalServer.start(listener: listener, group: Self.group, handlers: handlers())
        #expect(try await connection.call(request(2)).results.count == 2)
        await second.drain()
        unlink(path)
    }

    /// What the server had not looked at when it said good-bye can be made again; what it had is answered or lost.
    @Test func goodbyeDividesTheCalls() throws {
        let saidGoodbye = Signal()
        let channel = EmbeddedChannel(handler: InternalClientHandler { saidGoodbye.set() })
        func call() -> EventLoopFuture<ByteBuffer> {
            let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
            channel.write(OutgoingCall(kind: 1, payload: ByteBuffer(), answer: promise), promise: nil)
            return promise.futureResult
        }
        func receive(_ id: UInt64, _ kind: UInt8, _ payload: ByteBuffer = ByteBuffer()) throws {
            try channel.writeInbound(Frame(id: id, kind: kind, payload: payload))
        }
        let (answered, lost, refused) = (call(), call(), call())
        try receive(0, Frame.goodbyeKind, ByteBuffer(integer: UInt64(2)))
        #expect(saidGoodbye.isSet)
        #expect(throws: InternalProtocolError.notHandled) { try refused.wait() }
        let late = call()
        #expect(throws: InternalProtocolError.notHandled) { try late.wait() }
        try receive(1, Frame.replyKind, ByteBuffer(string: "x"))
        #expect(try answered.wait() == ByteBuffer(string: "x"))
        _ = try channel.finish()
        #expect(throws: InternalProtocolError.connectionLost) { try lost.wait() }
    }

    /// A notification that the old generation did not look at is made up for with the next.
    @Test func whoeverListensNextLearnsThatNotificationsMayBeLost() async throws {
        let path = "/tmp/apus-int-\(getpid())-c"
        let listener = try Listeners.unix(path: path, permissions: 0o600)
        let told = Signal()
        let first = Signal()
        func server(_ listener: CInt) async throws -> InternalServer {
            var handlers = InternalHandlers()
            handlers.on(MessageArrived.self) { request in
                if request == .unknown { told.set() } else { first.set() }
                return WireEmpty()
            }
            return try await InternalServer.start(listener: listener, group: Self.group, handlers: handlers)
        }
        let connection = InternalConnection(
            path: path, eventLoop: Self.group.next(), afterLoss: MessageArrived.unknown)
        let old = try await server(dup(listener))
        connection.notify(MessageArrived(queueID: "4X1"))
        await first.wait()
        await old.drain()
        #expect(!told.isSet)
        let new = try await server(listener)
        await told.wait()
        await connection.close()
        await new.drain()
        unlink(path)
    }

    /// What waits for its turn when its client goes away is not worked on any more.
    @Test func aHandlerSeesThatItsClientIsGone() async throws {
        let path = "/tmp/apus-int-\(getpid())-d"
        let listener = try Listeners.unix(path: path, permissions: 0o600)
        let (arrived, gone, seen) = (Signal(), Signal(), Signal())
        var handlers = InternalHandlers()
        handlers.onClose { _ in gone.set() }
        handlers.on(DeliveryRequest.self) { _, peer in
            arrived.set()
            await gone.wait()
            if !peer.isConnected { seen.set() }
            return DeliveryReport(results: [])
        }
        let server = try await InternalServer.start(listener: listener, group: Self.group, handlers: handlers)
        let connection = InternalConnection(path: path, eventLoop: Self.group.next())
        let request = request(1)
        let answer = Task { try await connection.call(request) }
        await arrived.wait()
        await connection.close()
        await seen.wait()
        await #expect(throws: InternalProtocolError.connectionLost) { try await answer.value }
        await server.drain()
        unlink(path)
    }

    @Test func loopbackUsesTheSameHandlers() async throws {
        let loopback = LoopbackConnection(handlers())
        #expect(try await loopback.call(request(2)).results.map(\.offset) == [0, 1])
    }
}
