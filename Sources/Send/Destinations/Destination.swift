import MailSyntax

/// Where a delivery goes: one element of a next hop.
enum Destination: Sendable, Hashable {
    /// Look up MX hosts of the name.
    case domain(String, port: Int)
    /// This host only: `[host]`, or any host in LMTP.
    case host(String, port: Int)
    /// `unix:path`
    case unix(String)

    /// Domain, host or path.
    var name: String {
        switch self {
        case .domain(let name, _), .host(let name, _), .unix(let name): name
        }
    }

    /// Why a next hop can't be used.
    struct SyntaxError: Error, Sendable, Equatable { var reason: String }

    /// Reads `example.com`, `[mx.example.com]:587`, `[192.0.2.1]`, `inet:host:port`, `unix:/path`.
    init(_ text: String, mode: ClientMode, defaultPort: Int) throws(SyntaxError) {
        var text = text
        if mode == .lmtp || text.hasPrefix("inet:") {
            if ASCII.hasPrefixIgnoringCase(text, "unix:") {
                self = .unix(String(text.dropFirst(5)))
                return
            }
            if ASCII.hasPrefixIgnoringCase(text, "inet:") { text = String(text.dropFirst(5)) }
        }
        guard let parts = HostPort(text), !parts.host.isEmpty else {
            throw SyntaxError(reason: "bad destination: \(text)")
        }
        var port = defaultPort
        if let name = parts.port {
            guard let number = ServicePort.number(name) else {
                throw SyntaxError(reason: "unknown service: \(name)/tcp")
            }
            port = number
        }
        self = parts.isBracketed || mode == .lmtp ? .host(parts.host, port: port) : .domain(parts.host, port: port)
    }
}
