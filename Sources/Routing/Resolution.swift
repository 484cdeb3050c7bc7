/// What becomes of an address (ADDRESS_CLASS_README).
public enum AddressClass: String, Sendable, Equatable {
    case local
    case virtualAlias
    case virtualMailbox
    case relay
    case `default`
}

/// Where a recipient's mail goes.
public struct Resolution: Sendable, Equatable {
    public enum Problem: Sendable, Equatable {
        /// No mail can go there: bad domain, or a local part that starts with `-`. 5.1.3, `bad address syntax`.
        case invalidAddress
        /// A table could not answer. Mail waits: 4.3.0, `address resolver failure`.
        case lookupFailure(String)
    }

    /// The master.cf service; empty with a problem.
    public var transport: String
    /// What the delivery agent is told: a domain, `[host]:port`, or for `error` and `retry` the status and text.
    public var nexthop: String
    /// The recipient as the delivery agent gets it, internal form.
    public var recipient: String
    public var addressClass: AddressClass
    /// The local part holds `@`, `%` or `!`: the next system may relay it elsewhere.
    public var isRouted: Bool
    public var problem: Problem?

    public init(
        transport: String = "", nexthop: String = "", recipient: String, addressClass: AddressClass,
        isRouted: Bool = false, problem: Problem? = nil
    ) {
        self.transport = transport
        self.nexthop = nexthop
        self.recipient = recipient
        self.addressClass = addressClass
        self.isRouted = isRouted
        self.problem = problem
    }

    /// The address cannot be mailed to.
    public var isInvalid: Bool { problem == .invalidAddress }

    /// A table failed: try again later.
    public var isDeferred: Bool {
        if case .lookupFailure = problem { return true }
        return false
    }
}
