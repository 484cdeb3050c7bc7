import Glibc

/// A connection to a lookup server, for threads that may wait. Every operation ends by its deadline.
final class ClientSocket {
    enum Failure: Error {
        case system(CInt)
        /// Why the name service has no address.
        case unknownHost(String)
        case timeout
        case closed
        case tooLong

        var reason: String {
            switch self {
            case .system(let number): String(cString: strerror(number))
            case .unknownHost: String(cString: strerror(EADDRNOTAVAIL))
            case .timeout: String(cString: strerror(ETIMEDOUT))
            case .closed: "unexpected disconnect"
            case .tooLong: "input exceeds size limit"
            }
        }
    }

    private let descriptor: CInt
    private var buffer: [UInt8] = []
    /// Seconds for each operation.
    private let timeout: Int

    /// - Parameter timeout: seconds for connecting and for each operation.
    init(_ endpoint: ClientEndpoint, timeout: Int) throws(Failure) {
        self.timeout = timeout
        switch endpoint {
        case .unix(let path): descriptor = try Self.connect(path: path, timeout)
        case .inet(let host, let port): descriptor = try Self.connect(host: host, port: port, timeout)
        }
    }

    deinit { close(descriptor) }

    private static func connect(path: String, _ timeout: Int) throws(Failure) -> CInt {
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .system(ENAMETOOLONG) }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return try withUnsafePointer(to: &address) { pointer throws(Failure) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { base throws(Failure) in
                try connect(AF_UNIX, base, socklen_t(MemoryLayout<sockaddr_un>.size), timeout)
            }
        }
    }

    private static func connect(host: String, port: String, _ timeout: Int) throws(Failure) -> CInt {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family = AF_UNSPEC
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host.isEmpty ? nil : host, port, &hints, &list)
        guard status == 0 else { throw .unknownHost(String(cString: gai_strerror(status))) }
        defer { freeaddrinfo(list) }
        var failure = Failure.system(EADDRNOTAVAIL)
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let address = entry.ai_addr else { continue }
            do throws(Failure) {
                return try connect(entry.ai_family, address, entry.ai_addrlen, timeout)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func connect(
        _ family: CInt, _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ timeout: Int
    ) throws(Failure) -> CInt {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw .system(errno) }
        do throws(Failure) {
            if Glibc.connect(descriptor, address, length) != 0 {
                guard errno == EINPROGRESS else { throw Failure.system(errno) }
                try wait(descriptor, for: Int16(POLLOUT), until: deadline(timeout))
                var problem: CInt = 0
                var size = socklen_t(MemoryLayout<CInt>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
                if problem != 0 { throw Failure.system(problem) }
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    // MARK: Waiting

    /// Milliseconds of the monotonic clock.
    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000
    }

    static func deadline(_ seconds: Int) -> Int { now() + min(max(seconds, 0), 86_400) * 1000 }

    /// - Parameter deadline: see `now`.
    static func wait(_ descriptor: CInt, for events: Int16, until deadline: Int) throws(Failure) {
        while true {
            var item = pollfd(fd: descriptor, events: events, revents: 0)
            let left = deadline - now()
            if left <= 0 { throw .timeout }
            let count = poll(&item, 1, CInt(clamping: left))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .system(errno) }
        }
    }

    // MARK: Octets

    /// What a server sends without being asked.
    private static let chatterLimit = 65_536

    /// Before a request: drops what came after the last reply, so that it is not taken for the next one.
    /// - Throws: `.closed` when the server has hung up meanwhile.
    func discardInput() throws(Failure) {
        var dropped = buffer.count
        buffer.removeAll()
        while dropped <= Self.chatterLimit {
            var chunk = [UInt8](repeating: 0, count: 8192)
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count == 0 { throw .closed }
            if count > 0 {
                dropped += count
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                throw .system(errno)
            }
        }
        throw .tooLong
    }

    func send(_ bytes: [UInt8]) throws(Failure) {
        let deadline = Self.deadline(timeout)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, bytes.count - sent, CInt(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                try Self.wait(descriptor, for: Int16(POLLOUT), until: deadline)
            } else if errno != EINTR {
                throw .system(errno)
            }
        }
    }

    private func fill(_ deadline: Int) throws(Failure) {
        var chunk = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count > 0 {
                buffer += chunk[..<count]
                return
            }
            if count == 0 { throw .closed }
            if errno == EAGAIN {
                try Self.wait(descriptor, for: Int16(POLLIN), until: deadline)
            } else if errno != EINTR {
                throw .system(errno)
            }
        }
    }

    /// What stands before the next `separator`, which is taken too.
    func read(until separator: UInt8, limit: Int) throws(Failure) -> [UInt8] {
        let deadline = Self.deadline(timeout)
        while true {
            if let end = buffer.firstIndex(of: separator) {
                guard end <= limit else { throw .tooLong }
                defer { buffer.removeFirst(end + 1) }
                return Array(buffer[..<end])
            }
            guard buffer.count <= limit else { throw .tooLong }
            try fill(deadline)
        }
    }

    func read(count: Int) throws(Failure) -> [UInt8] {
        let deadline = Self.deadline(timeout)
        while buffer.count < count { try fill(deadline) }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    /// The connection in `kept`, unless the server has closed it or said what nobody asked: then a new one, which is kept.
    static func connected(
        _ kept: inout ClientSocket?, to endpoint: ClientEndpoint, timeout: Int
    ) throws(Failure) -> ClientSocket {
        if let old = kept {
            do throws(Failure) {
                try old.discardInput()
                return old
            } catch {
                kept = nil
            }
        }
        let connection = try ClientSocket(endpoint, timeout: timeout)
        kept = connection
        return connection
    }
}
