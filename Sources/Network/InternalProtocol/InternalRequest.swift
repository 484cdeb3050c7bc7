import NIOCore
import Synchronization

/// A question one process asks another.
public protocol InternalRequest: WireCodable {
    associatedtype Reply: WireCodable
    /// Unique among all requests, 1 … 252.
    static var kind: UInt8 { get }
}

/// The numbers of all requests, in one place.
enum RequestKind {
    static let delivery: UInt8 = 1
    static let anvil: UInt8 = 2
    static let messageArrived: UInt8 = 3
    static let flushSite: UInt8 = 4
    static let forward: UInt8 = 5
    static let flow: UInt8 = 6
    static let systemDatabase: UInt8 = 7
    static let proxyLookup: UInt8 = 8
    static let startOrder: UInt8 = 10
    static let processReport: UInt8 = 11
    static let processOrder: UInt8 = 12
}

/// Why a call got no answer.
public enum InternalProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    case connectionFailed(path: String, reason: String)
    /// The other side ended with the call in its hands: it may have been handled or not.
    case connectionLost
    /// Nothing of the call was handled: it can be made again. Callers see it only when that failed several times.
    case notHandled
    /// The other side's handler threw.
    case remote(String)

    public var description: String {
        switch self {
        case .connectionFailed(let path, let reason): "connect to \(path): \(reason)"
        case .connectionLost: "connection lost"
        case .notHandled: "the connection closed before the request was handled"
        case .remote(let text): text
        }
    }
}

/// Something that answers internal requests: a connection to another process, or handlers in this one.
public protocol InternalCaller: Sendable {
    /// - Throws: `InternalProtocolError`; the caller treats it as "not now", never as an answer.
    func call<R: InternalRequest>(_ request: R) async throws -> R.Reply
    /// Sends without waiting for an answer. Lost when the other side is not there.
    func notify<R: InternalRequest>(_ request: R)
}

/// The connection a request came by: what a service remembers for a client can be dropped when `onClose` reports it.
public final class InternalPeer: Hashable, Sendable {
    public let id: UInt64
    private let connected = Atomic<Bool>(true)

    public init(id: UInt64) { self.id = id }

    /// False when nobody waits for answers any more.
    public var isConnected: Bool { connected.load(ordering: .relaxed) }

    /// The connection has ended.
    public func disconnect() { connected.store(false, ordering: .relaxed) }

    public static func == (a: InternalPeer, b: InternalPeer) -> Bool { a.id == b.id }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// What a server does with each kind of request.
public struct InternalHandlers: Sendable {
    typealias Handler = @Sendable (ByteBuffer, InternalPeer) async throws -> ByteBuffer

    private(set) var handlers: [UInt8: Handler] = [:]
    private(set) var closed: (@Sendable (InternalPeer) -> Void)?

    public init() {}

    public mutating func on<R: InternalRequest>(
        _ type: R.Type, _ body: @escaping @Sendable (R) async throws -> R.Reply
    ) {
        on(type) { request, _ in try await body(request) }
    }

    public mutating func on<R: InternalRequest>(
        _ type: R.Type, _ body: @escaping @Sendable (R, InternalPeer) async throws -> R.Reply
    ) {
        handlers[R.kind] = { payload, peer in
            var reader = WireReader(payload)
            let reply = try await body(try R(from: &reader), peer)
            var writer = WireWriter()
            reply.encode(into: &writer)
            return writer.buffer
        }
    }

    /// Called once for each connection that ended.
    public mutating func onClose(_ body: @escaping @Sendable (InternalPeer) -> Void) { closed = body }

    func handle(kind: UInt8, payload: ByteBuffer, peer: InternalPeer) async throws -> ByteBuffer {
        guard let handler = handlers[kind] else { throw WireError("no service here for request kind \(kind)") }
        return try await handler(payload, peer)
    }
}
