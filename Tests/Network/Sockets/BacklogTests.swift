import Glibc
import MailSyntax
import MailSystem
import NIOCore
import NIOPosix
import Sockets
import Testing

@Suite("Listening sockets")
struct BacklogTests {
    /// What the kernel tells about a listening socket: `tcpi_sacked` is the length of its queue.
    private func queueLength(_ descriptor: CInt) -> Int {
        var information = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_INFO, &information, &length) == 0 else { return -1 }
        return Int(information.tcpi_sacked)
    }

    @Test("keep the queue that master gave them: a flood must not push others out")
    func backlog() async throws {
        let address = try #require(IPAddress("127.0.0.1"))
        let descriptor = try Listeners.tcp(address: address, port: 0)
        let before = queueLength(descriptor)
        #expect(before >= 1024)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await KernelSockets().accept(on: descriptor, group: group) { channel in
            channel.eventLoop.makeSucceededVoidFuture()
        }.get()
        #expect(queueLength(descriptor) == before)
        try await channel.close()
        try await group.shutdownGracefully()
    }
}
