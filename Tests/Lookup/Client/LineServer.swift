import Glibc
import Testing

/// Answers requests, one connection after the other.
final class LineServer: Sendable {
    let port: UInt16
    private let listener: CInt

    /// Answers each line with a line.
    convenience init(_ answer: @escaping @Sendable (String) -> String) throws {
        try self.init(endingWith: 0x0A) { Array((answer(String(decoding: $0, as: UTF8.self)) + "\n").utf8) }
    }

    /// - Parameters:
    ///   - end: the octet after a request.
    ///   - hangsUp: after each answer.
    init(endingWith end: UInt8, hangsUp: Bool = false, _ answer: @escaping @Sendable ([UInt8]) -> [UInt8]) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { base in
                bind(listener, base, size) == 0 && listen(listener, 5) == 0 && getsockname(listener, base, &size) == 0
            }
        }
        try #require(status)
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        let server = listener
        LineServer.start {
            while true {
                let client = accept(server, nil, nil)
                guard client >= 0 else { return }
                var line: [UInt8] = []
                var byte: UInt8 = 0
                while read(client, &byte, 1) == 1 {
                    guard byte == end else {
                        line.append(byte)
                        continue
                    }
                    let reply = answer(line)
                    _ = write(client, reply, reply.count)
                    line = []
                    if hangsUp { break }
                }
                close(client)
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static func start(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run)).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body)
        pthread_detach(thread)
    }
}
