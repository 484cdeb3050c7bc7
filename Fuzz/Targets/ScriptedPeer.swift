import Glibc
import Synchronization

@testable import Lookup

/// A server on a unix-domain socket that says the same to everybody, whatever they ask, and closes.
enum ScriptedPeer {
    private static let answer = Mutex<[UInt8]>([])
    private static let path = "/dev/shm/apus-fuzz-\(getpid()).sock"

    private static let isListening: Bool = {
        unlink(path)
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(descriptor, 128) == 0 else { return false }
        atexit { unlink(ScriptedPeer.path) }
        var thread = pthread_t()
        let argument = UnsafeMutableRawPointer(bitPattern: Int(descriptor) + 1)
        return pthread_create(&thread, nil, { ScriptedPeer.serve($0) }, argument) == 0
    }()

    private static func serve(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        let descriptor = CInt(truncatingIfNeeded: Int(bitPattern: argument) - 1)
        while true {
            let client = accept(descriptor, nil, nil)
            guard client >= 0 else { continue }
            let bytes = answer.withLock { $0 }
            _ = bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            shutdown(client, CInt(SHUT_WR))
            // Until the client has gone: its request must not meet a closed socket.
            var ignored = [UInt8](repeating: 0, count: 256)
            while recv(client, &ignored, ignored.count, 0) > 0 {}
            close(client)
        }
    }

    static func answer(_ bytes: [UInt8], _ body: (ClientEndpoint) -> Void) {
        guard isListening else { fatalError("no socket") }
        answer.withLock { $0 = bytes }
        body(.unix(path))
    }
}
