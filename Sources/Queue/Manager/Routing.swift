/// Where a recipient goes.
enum Route: Sendable, Equatable {
    /// `isLocal`: the recipient's domain is one of this system's own (mydestination).
    case deliver(transport: String, nexthop: String, recipient: String, isLocal: Bool)
    /// Not now: DSN status and reason.
    case later(status: String, reason: String)
    /// Never.
    case never(status: String, reason: String)
}

/// What trivial-rewrite(8) answers for the queue manager.
protocol RecipientRouter: Sendable {
    func route(sender: String, recipient: String) async -> Route
}
