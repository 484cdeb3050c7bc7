import Glibc
import MailSyntax

/// Listening and connecting sockets.
public enum Listeners {
    /// Connections that wait for accept(2) at most; the kernel cuts it to net.core.somaxconn. When they are more, a client
    /// may think that it is connected while the server does not know it, and a mail server speaks first: both wait.
    public static let backlog: CInt = 4096

    /// Gives a listening socket its queue back, after somebody else has called listen(2) on it.
    public static func restoreBacklog(_ descriptor: CInt) throws(SystemError) {
        if listen(descriptor, backlog) != 0 { throw SystemError("listen") }
    }

    /// A listening TCP socket on one address. Non-blocking and close-on-exec. IPv6 sockets take IPv6 only.
    public static func tcp(address: IPAddress, port: UInt16, backlog: CInt = Self.backlog) throws(SystemError) -> CInt {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue) | Descriptors.closeOnExec, 0)
        if descriptor < 0 { throw SystemError("socket") }
        do {
            try setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
            if !address.isIPv4 { try setOption(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
            try withSocketAddress(address, port: port) { pointer, length in
                if Glibc.bind(descriptor, pointer, length) != 0 { throw SystemError("bind") }
            }
            if listen(descriptor, backlog) != 0 { throw SystemError("listen") }
        } catch let error as SystemError {
            close(descriptor)
            throw error
        } catch {
            close(descriptor)
            throw SystemError("bind")
        }
        Descriptors.setNonBlocking(descriptor)
        return descriptor
    }

    static func setOption(_ descriptor: CInt, _ level: CInt, _ option: CInt) throws(SystemError) {
        var on: CInt = 1
        if setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<CInt>.size)) != 0 {
            throw SystemError("setsockopt")
        }
    }

    static func withSocketAddress<R>(
        _ address: IPAddress, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R
    ) throws -> R {
        if address.isIPv4 {
            var native = sockaddr_in()
            native.sin_family = sa_family_t(AF_INET)
            native.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &native.sin_addr) { $0.copyBytes(from: address.bytes) }
            return try withGenericPointer(to: native, body)
        }
        var native = sockaddr_in6()
        native.sin6_family = sa_family_t(AF_INET6)
        native.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &native.sin6_addr) { $0.copyBytes(from: address.bytes) }
        return try withGenericPointer(to: native, body)
    }

    private static func withGenericPointer<Address, R>(
        to native: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R
    ) rethrows -> R {
        try withUnsafePointer(to: native) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// A listening unix-domain socket; a stale socket file is replaced.
    /// - Parameter permissions: of the socket file.
    public static func unix(
        path: String, permissions: UInt32, type: Descriptors.SocketType = .stream, backlog: CInt = Self.backlog
    ) throws(SystemError) -> CInt {
        let descriptor = socket(AF_UNIX, Descriptors.nativeType(type) | Descriptors.closeOnExec, 0)
        if descriptor < 0 { throw SystemError("socket", path: path) }
        do throws(SystemError) {
            if let old = Files.linkStatus(path) {
                guard old.mode & 0o170000 == 0o140000 else { throw SystemError("bind", path: path, errno: EEXIST) }
                if unlink(path) != 0 { throw SystemError("remove", path: path) }
            }
            let bound = try withUnixAddress(path) { Glibc.bind(descriptor, $0, $1) }
            if bound != 0 { throw SystemError("bind", path: path) }
            if chmod(path, permissions) != 0 { throw SystemError("change mode of", path: path) }
            if type != .datagram, listen(descriptor, backlog) != 0 { throw SystemError("listen", path: path) }
        } catch {
            close(descriptor)
            throw error
        }
        Descriptors.setNonBlocking(descriptor)
        return descriptor
    }

    /// A connected unix-domain socket, close-on-exec.
    /// - Parameter nonBlocking: fails with EAGAIN when the server's queue is full, instead of waiting.
    public static func connectUnix(
        path: String, type: Descriptors.SocketType = .stream, nonBlocking: Bool = false
    ) throws(SystemError) -> CInt {
        let descriptor = socket(AF_UNIX, Descriptors.nativeType(type) | Descriptors.closeOnExec, 0)
        if descriptor < 0 { throw SystemError("socket", path: path) }
        if nonBlocking { Descriptors.setNonBlocking(descriptor) }
        do throws(SystemError) {
            let connected = try withUnixAddress(path) { Glibc.connect(descriptor, $0, $1) }
            if connected != 0 { throw SystemError("connect to", path: path) }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// A datagram socket that leads nowhere yet; -1 when there can be none.
    static func unconnectedDatagram() -> CInt {
        socket(AF_UNIX, Descriptors.nativeType(.datagram) | Descriptors.closeOnExec, 0)
    }

    /// The next waiting connection, blocking and close-on-exec; nil when there is none.
    public static func accept(_ listener: CInt) -> CInt? {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return nil }
        Descriptors.setCloseOnExec(descriptor)
        Descriptors.setNonBlocking(descriptor, false)
        return descriptor
    }

    static func withUnixAddress<R>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) throws(SystemError) -> R {
        var native = sockaddr_un()
        native.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: native.sun_path) else {
            throw SystemError("bind", path: path, errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &native.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &native) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
