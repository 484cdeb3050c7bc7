import CMailSystem
import Glibc

/// Pipes, socket pairs and descriptors passed between processes. Everything made here is close-on-exec.
public enum Descriptors {
    public enum SocketType: Sendable { case stream, datagram, sequentialPackets }

    public static func socketPair(_ type: SocketType = .stream) throws(SystemError) -> (CInt, CInt) {
        var ends: [CInt] = [-1, -1]
        if socketpair(AF_UNIX, nativeType(type) | closeOnExec, 0, &ends) != 0 { throw SystemError("socketpair") }
        return (ends[0], ends[1])
    }

    static let closeOnExec = CInt(SOCK_CLOEXEC.rawValue)

    static func nativeType(_ type: SocketType) -> CInt {
        switch type {
        case .stream: CInt(SOCK_STREAM.rawValue)
        case .datagram: CInt(SOCK_DGRAM.rawValue)
        case .sequentialPackets: CInt(SOCK_SEQPACKET.rawValue)
        }
    }

    public static func pipe() throws(SystemError) -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        if apus_pipe(&ends) != 0 { throw SystemError("pipe") }
        return (ends[0], ends[1])
    }

    public static func setNonBlocking(_ descriptor: CInt, _ on: Bool = true) {
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK)
    }

    public static func setCloseOnExec(_ descriptor: CInt, _ on: Bool = true) {
        _ = fcntl(descriptor, F_SETFD, on ? FD_CLOEXEC : 0)
    }

    public static func close(_ descriptor: CInt) {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Writes everything; blocks.
    public static func writeAll(_ bytes: [UInt8], to descriptor: CInt, path: String = "") throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { Glibc.write(descriptor, $0 + done, buffer.count - done) } ?? 0
            }
            if put < 0 {
                if errno == EINTR { continue }
                throw SystemError("write", path: path)
            }
            done += put
        }
    }

    /// Reads up to `count` bytes; empty at the end. Throws EAGAIN on an empty non-blocking descriptor.
    public static func read(_ descriptor: CInt, count: Int) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        while true {
            let got = Glibc.read(descriptor, &buffer, count)
            if got >= 0 { return Array(buffer[..<got]) }
            if errno != EINTR { throw SystemError("read") }
        }
    }

    /// One message with descriptors (at most 32) over a unix-domain socket.
    /// - Returns: the bytes sent; on a stream socket possibly fewer than given.
    @discardableResult
    public static func send(
        _ bytes: [UInt8], descriptors: [CInt] = [], over socket: CInt
    ) throws(SystemError) -> Int {
        let sent = bytes.withUnsafeBytes {
            apus_send_descriptors(socket, $0.baseAddress, $0.count, descriptors, descriptors.count)
        }
        if sent < 0 { throw SystemError("send") }
        return sent
    }

    enum DatagramOutcome { case sent, noRoom, failed }

    /// One datagram over a connected socket.
    /// - Parameter waits: for room at the receiver, as long as `setSendTimeout` allows.
    static func sendDatagram(_ bytes: [UInt8], over socket: CInt, waits: Bool) -> DatagramOutcome {
        let flags = CInt(MSG_NOSIGNAL) | (waits ? 0 : CInt(MSG_DONTWAIT))
        while true {
            let sent = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, flags) }
            if sent >= 0 { return .sent }
            if errno == EAGAIN || errno == EWOULDBLOCK { return .noRoom }
            if errno != EINTR { return .failed }
        }
    }

    /// How long a blocking send waits for room.
    static func setSendTimeout(_ descriptor: CInt, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Makes the number `descriptor` stand for what `new` is, at once for all threads; `new` is closed.
    static func replace(_ descriptor: CInt, with new: CInt) {
        if descriptor >= 0, dup2(new, descriptor) >= 0 { setCloseOnExec(descriptor) }
        close(new)
    }

    public struct Message: Sendable {
        /// Empty: the peer closed its end.
        public var bytes: [UInt8]
        public var descriptors: [CInt]
        /// Part of the message did not fit.
        public var truncated: Bool
    }

    public static func receive(from socket: CInt, maximumBytes: Int = 65536) throws(SystemError) -> Message {
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        var descriptors = [CInt](repeating: -1, count: 32)
        var count = 0
        var truncated: CInt = 0
        let got = bytes.withUnsafeMutableBytes {
            apus_receive_descriptors(
                socket, $0.baseAddress, $0.count, &descriptors, descriptors.count, &count, &truncated)
        }
        if got < 0 { throw SystemError("receive") }
        return Message(
            bytes: Array(bytes[..<got]), descriptors: Array(descriptors[..<count]), truncated: truncated != 0)
    }

    /// True when the descriptor can be read (or has ended) within the time; negative time waits for ever.
    public static func waitReadable(_ descriptor: CInt, milliseconds: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&entry, 1, milliseconds)
            if ready >= 0 { return ready > 0 }
            if errno != EINTR { return true }
        }
    }

    /// The user at the other end of a unix-domain socket.
    public static func peer(of socket: CInt) -> (uid: UInt32, gid: UInt32, pid: Int32)? {
        var uid: uid_t = 0
        var gid: gid_t = 0
        var pid: pid_t = 0
        return apus_peer_credentials(socket, &uid, &gid, &pid) == 0 ? (uid, gid, pid) : nil
    }
}
