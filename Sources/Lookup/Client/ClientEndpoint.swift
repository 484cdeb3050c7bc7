import Glibc
import MailSyntax

/// Where a lookup server listens.
enum ClientEndpoint: Sendable, Equatable {
    case unix(String)
    case inet(host: String, port: String)

    /// - Parameter path: of a socket.
    init(path: String) throws(TableOpenError) {
        guard path.utf8.count < MemoryLayout<sockaddr_un>.size - MemoryLayout<sa_family_t>.size else {
            throw TableOpenError("unix-domain name too long: \(path)")
        }
        self = .unix(path)
    }

    /// - Parameter text: `unix:path`, `inet:host:port`.
    /// - Returns: also what stands after the transport, for messages.
    static func service(_ text: String) throws(TableOpenError) -> (endpoint: ClientEndpoint, address: String) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0, colon + 1 < bytes.count else {
            throw TableOpenError("need service transport:endpoint instead of \"\(text)\"")
        }
        let (transport, address) = (bytes[..<colon].text, bytes[(colon + 1)...].text)
        switch transport {
        case "inet": return (try ClientEndpoint(hostAndPort: address), address)
        case "unix", "local": return (try ClientEndpoint(path: address), address)
        default: throw TableOpenError("invalid transport name: \(transport) in service: \(text)")
        }
    }

    /// - Parameter text: `host:port`, `[address]:port`; `port` and `:port` are on this machine.
    init(hostAndPort text: String) throws(TableOpenError) {
        let bytes = Array(text.utf8)
        let colon = UInt8(ascii: ":")
        let colons = bytes.filter { $0 == colon }.count
        if bytes.first != UInt8(ascii: "["), colons == 0 || (colons == 1 && bytes.first == colon) {
            let port = bytes[colons...].text
            if port.isEmpty { throw TableOpenError("\(text): missing service information") }
            if let first = port.utf8.first, ASCII.isDigit(first), !port.utf8.allSatisfy(ASCII.isDigit) {
                throw TableOpenError("\(text): garbage after numerical service")
            }
            self = .inet(host: "", port: port)
            return
        }
        if bytes.last == colon { throw TableOpenError("\(text): missing service information") }
        let parts: HostPort
        do { parts = try HostPort.checked(text) } catch { throw TableOpenError("\(text): \(error.reason)") }
        guard let port = parts.port else { throw TableOpenError("\(text): missing service information") }
        self = .inet(host: parts.host, port: port)
    }
}
