import Glibc
import MailSyntax

/// The system's own host and service names (getaddrinfo). Calls block: for start-up and tools, not for mail routing.
public enum NameService {
    /// The TCP port of `smtp`, `submission` or a decimal number.
    public static func port(_ service: String) -> UInt16? {
        if let number = UInt16(service) { return number }
        guard let entry = getservbyname(service, "tcp") else { return nil }
        return UInt16(truncatingIfNeeded: entry.pointee.s_port).bigEndian
    }

    /// The UDP port of a service, nil when the system has no such name.
    public static func datagramPort(_ service: String) -> UInt16? {
        guard let entry = getservbyname(service, "udp") else { return nil }
        return UInt16(truncatingIfNeeded: entry.pointee.s_port).bigEndian
    }

    /// Addresses of a host name or address text; empty when there are none.
    public static func addresses(_ host: String) -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var entry = list
        while let current = entry {
            if let native = current.pointee.ai_addr, let address = address(native), !found.contains(address) {
                found.append(address)
            }
            entry = current.pointee.ai_next
        }
        return found
    }

    private static func address(_ native: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        switch CInt(native.pointee.sa_family) {
        case AF_INET:
            native.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: &pointer.pointee.sin_addr) { IPAddress(bytes: Array($0)) }
            }
        case AF_INET6:
            native.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: &pointer.pointee.sin6_addr) { IPAddress(bytes: Array($0)) }
            }
        default: nil
        }
    }
}
