import Glibc
import MailSyntax
import MailSystem

/// An address of this machine and the network around it.
public struct InterfaceAddress: Sendable, Equatable {
    /// 4 or 16 bytes.
    public let address: [UInt8]
    public let prefixLength: Int

    public init(address: [UInt8], prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }
}

/// What defaults need to know of the machine. Tests supply their own.
public struct HostFacts: Sendable {
    /// gethostname(2).
    public var hostName: String
    public var interfaces: @Sendable () -> [InterfaceAddress]
    /// The first line of a file (`myorigin = /etc/mailname`), nil when it cannot be read.
    public var firstLine: @Sendable (String) -> String?
    /// The addresses of a host, 4 or 16 bytes each; empty when it has none.
    public var addresses: @Sendable (String) -> [[UInt8]]

    public init(
        hostName: String, interfaces: @escaping @Sendable () -> [InterfaceAddress],
        firstLine: @escaping @Sendable (String) -> String?,
        addresses: @escaping @Sendable (String) -> [[UInt8]] = { _ in [] }
    ) {
        self.hostName = hostName
        self.interfaces = interfaces
        self.firstLine = firstLine
        self.addresses = addresses
    }

    /// A machine that exists nowhere, with a loopback interface only.
    public static let none = HostFacts(
        hostName: "localhost.localdomain",
        interfaces: {
            [
                InterfaceAddress(address: [127, 0, 0, 1], prefixLength: 8),
                InterfaceAddress(address: [UInt8](repeating: 0, count: 15) + [1], prefixLength: 128),
            ]
        }, firstLine: { _ in nil })

    /// This machine.
    public static let system = HostFacts(
        hostName: systemHostName(), interfaces: systemInterfaces,
        firstLine: { path in
            guard let bytes = try? ConfigurationFile.read(path) else { return nil }
            let line = bytes.prefix { $0 != 0x0A }
            return ListSetting.trimmed(Substring(String(decoding: line, as: UTF8.self)))
        }, addresses: { NameService.addresses($0).map(\.bytes) })

    private static func systemHostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func systemInterfaces() -> [InterfaceAddress] {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&head) == 0 else { return [] }
        defer { freeifaddrs(head) }
        var found: [InterfaceAddress] = []
        var next = head
        while let entry = next {
            next = entry.pointee.ifa_next
            guard entry.pointee.ifa_flags & UInt32(IFF_UP) != 0, let address = bytes(entry.pointee.ifa_addr)
            else { continue }
            let mask = bytes(entry.pointee.ifa_netmask) ?? []
            let prefix = mask.reduce(0) { $0 + $1.nonzeroBitCount }
            let entry = InterfaceAddress(address: address, prefixLength: mask.isEmpty ? address.count * 8 : prefix)
            if !found.contains(entry) { found.append(entry) }
        }
        return found.filter { $0.address.count == 4 } + found.filter { $0.address.count == 16 }
    }

    private static func bytes(_ address: UnsafeMutablePointer<sockaddr>?) -> [UInt8]? {
        guard let address else { return nil }
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
            }
        default: return nil
        }
    }
}

/// Reads configuration files whole.
enum ConfigurationFile {
    /// More than any configuration needs; keeps a device or a runaway file from filling the memory.
    static let sizeLimit = 16 << 20

    static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ConfigurationError("open \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ConfigurationError("read \(path): \(String(cString: strerror(errno)))") }
            if count == 0 { return content }
            content.append(contentsOf: chunk[0..<count])
            guard content.count <= sizeLimit else { throw ConfigurationError("read \(path): File too large") }
        }
    }

    /// `192.0.2.1`, `2001:db8::1` as 4 or 16 bytes.
    static func addressBytes(_ text: String) -> [UInt8]? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
        var v6 = in6_addr()
        if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
        return nil
    }

    static func addressText(_ bytes: [UInt8]) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &buffer, 64) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
