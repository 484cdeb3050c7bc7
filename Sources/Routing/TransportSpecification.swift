/// `transport:nexthop` as local_transport, default_transport and transport(5) tables have it.
struct TransportSpecification: Sendable, Equatable {
    /// Empty: not given.
    var transport: String
    /// Empty: not given. The text after the first colon as it stands.
    var nexthop: String

    init(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: 0x3A) else {
            transport = text
            nexthop = ""
            return
        }
        transport = String(text[..<colon])
        nexthop = String(text[text.utf8.index(after: colon)...])
    }
}
