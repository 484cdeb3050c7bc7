/// What XFORWARD says of the client in front of a content filter: for logging only.
public struct ForwardedClient: Sendable, Equatable {
    public static let unknown = "unknown"

    public var name = unknown
    public var address = unknown
    public var port = unknown
    public var protocolName = unknown
    public var helo: String?
    /// The queue id in front of the filter.
    public var ident: String?
    /// SOURCE: the message comes from this organisation, its headers are completed.
    public var isLocal: Bool?
    /// Something besides IDENT and SOURCE was said.
    public var describesClient = false

    public init() {}

    /// `name[address]`, or the name alone.
    public var nameAndAddress: String { address == Self.unknown ? name : "\(name)[\(address)]" }
}
