import NIOCore

/// Calls handlers of the same process, through the same codec.
public struct LoopbackConnection: InternalCaller {
    private let handlers: InternalHandlers
    private let peer: InternalPeer

    public init(_ handlers: InternalHandlers, peer: InternalPeer = InternalPeer(id: 0)) {
        self.handlers = handlers
        self.peer = peer
    }

    public func call<R: InternalRequest>(_ request: R) async throws -> R.Reply {
        var writer = WireWriter()
        request.encode(into: &writer)
        do {
            let payload = try await handlers.handle(kind: R.kind, payload: writer.buffer, peer: peer)
            var reader = WireReader(payload)
            return try R.Reply(from: &reader)
        } catch {
            throw InternalProtocolError.remote("\(error)")
        }
    }

    public func notify<R: InternalRequest>(_ request: R) {
        Task { _ = try? await call(request) }
    }
}
