import Configuration
import MailSyntax
import MailSystem

/// Where a service listens.
enum EndpointAddress: Hashable, Sendable, CustomStringConvertible {
    case inet(IPAddress, port: UInt16)
    /// Paths are relative to the queue directory.
    case stream(String)
    case datagram(String)
    case fifo(String)

    var description: String {
        switch self {
        case .inet(let address, let port): address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .stream(let path), .datagram(let path), .fifo(let path): path
        }
    }

    var path: String? {
        switch self {
        case .inet: nil
        case .stream(let path), .datagram(let path), .fifo(let path): path
        }
    }

    /// The endpoints of a service: master(5), inet_interfaces, inet_protocols.
    static func of(_ service: MasterService, _ parameters: Parameters) throws(ConfigurationError) -> [EndpointAddress] {
        let path = (service.isPrivate ? "private/" : "public/") + service.name
        switch service.kind {
        case .inet: return try inet(service, parameters)
        case .unix, .pass: return [.stream(path)]
        case .fifo: return [.fifo(path)]
        case .unixDatagram: return [.datagram(path)]
        }
    }

    private static func inet(
        _ service: MasterService, _ parameters: Parameters
    ) throws(ConfigurationError) -> [EndpointAddress] {
        let (host, portName) = split(service.name)
        guard let port = NameService.port(portName) else {
            throw ConfigurationError("\(service.name): unknown service: \(portName)/tcp")
        }
        let protocols = Protocols(parameters)
        var addresses: [IPAddress] = []
        if let host, !host.isEmpty {
            addresses = NameService.addresses(host)
            if addresses.isEmpty { throw ConfigurationError("\(service.name): host not found: \(host)") }
        } else {
            for name in parameters.list("inet_interfaces") {
                switch ASCII.lowercased(name) {
                case "all": addresses += wildcards
                case "loopback-only": addresses += loopbacks
                default:
                    let bare = name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
                    let found = NameService.addresses(bare)
                    if found.isEmpty { throw ConfigurationError("inet_interfaces: host not found: \(name)") }
                    addresses += found
                }
            }
        }
        var seen: Set<IPAddress> = []
        return addresses.filter { protocols.allow($0) && seen.insert($0).inserted }.map { .inet($0, port: port) }
    }

    private static let wildcards = ["0.0.0.0", "::"].compactMap { IPAddress($0) }
    private static let loopbacks = ["127.0.0.1", "::1"].compactMap { IPAddress($0) }

    /// `127.0.0.1:smtp`, `[::1]:25`, `smtp`.
    static func split(_ name: String) -> (host: String?, port: String) {
        if name.hasPrefix("["), let close = name.lastIndex(of: "]") {
            let host = String(name[name.index(after: name.startIndex)..<close])
            let rest = name[name.index(after: close)...]
            return (host, rest.hasPrefix(":") ? String(rest.dropFirst()) : String(rest))
        }
        guard let colon = name.lastIndex(of: ":") else { return (nil, name) }
        return (String(name[..<colon]), String(name[name.index(after: colon)...]))
    }

    /// inet_protocols.
    private struct Protocols {
        let ipv4: Bool
        let ipv6: Bool

        init(_ parameters: Parameters) {
            let names = parameters.list("inet_protocols").map(ASCII.lowercased)
            let all = names.isEmpty || names.contains("all")
            ipv4 = all || names.contains("ipv4")
            ipv6 = all || names.contains("ipv6")
        }

        func allow(_ address: IPAddress) -> Bool { address.isIPv4 ? ipv4 : ipv6 }
    }
}
