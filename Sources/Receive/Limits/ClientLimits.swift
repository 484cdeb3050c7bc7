import InternalProtocol

/// Counts what clients do, across all server processes: anvil(8). A nil answer means that the counts are not
/// available; the session then goes on, as without limits.
public protocol ClientLimits: Sendable {
    func connect(service: String, address: String) async -> (count: Int, rate: Int)?
    func disconnect(service: String, address: String)
    func message(service: String, address: String) async -> Int?
    func recipient(service: String, address: String) async -> Int?
    func newTLS(service: String, address: String) async -> Int?
    func auth(service: String, address: String) async -> Int?
    /// The rate of TLS sessions so far, without counting one.
    func newTLSRate(service: String, address: String) async -> Int?
}

/// The counts that `queue` keeps.
public struct AnvilClient: ClientLimits {
    private let anvil: any InternalCaller

    public init(_ anvil: any InternalCaller) { self.anvil = anvil }

    public func connect(service: String, address: String) async -> (count: Int, rate: Int)? {
        await ask(.connect, service, address).map { ($0.connectionCount, $0.connectionRate) }
    }

    public func disconnect(service: String, address: String) {
        anvil.notify(AnvilRequest(event: .disconnect, service: service, client: address))
    }

    public func message(service: String, address: String) async -> Int? {
        await ask(.message, service, address)?.messageRate
    }

    public func recipient(service: String, address: String) async -> Int? {
        await ask(.recipient, service, address)?.recipientRate
    }

    public func newTLS(service: String, address: String) async -> Int? {
        await ask(.newTLS, service, address)?.newTLSRate
    }

    public func auth(service: String, address: String) async -> Int? {
        await ask(.auth, service, address)?.authRate
    }

    public func newTLSRate(service: String, address: String) async -> Int? {
        await ask(.lookup, service, address)?.newTLSRate
    }

    private func ask(_ event: AnvilEvent, _ service: String, _ address: String) async -> AnvilReply? {
        try? await anvil.call(AnvilRequest(event: event, service: service, client: address))
    }
}
