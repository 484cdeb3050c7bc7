import Glibc
import Testing

@testable import Deliver

@Test func comsatHearsOfNewMail() throws {
    let listener = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            #expect(bind(listener, $0, length) == 0)
            #expect(getsockname(listener, $0, &length) == 0)
        }
    }
    Biff(port: UInt16(bigEndian: address.sin_port)).notify("joe", offset: 4958)
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = recv(listener, &bytes, bytes.count, 0)
    // What Debian's Postfix sends, byte for byte.
    #expect(bytes.prefix(max(0, count)) == Array("joe@4958\0".utf8)[...])
}
