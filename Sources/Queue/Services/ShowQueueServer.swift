import MailSystem
import NIOCore
import Sockets
import Spool

/// public/showq: writes the listing to whoever connects, no faster than it is read.
enum ShowQueueServer {
    static func start(
        listener: CInt, group: any EventLoopGroup, sockets: any Sockets = KernelSockets(), work: any BlockingWork,
        listing: @escaping @Sendable () -> QueueListing
    ) async throws -> any Channel {
        try await sockets.accept(on: listener, group: group) { channel in
            let listing = listing()
            channel.eventLoop.execute { Task { await send(listing, over: channel, work: work) } }
            return channel.eventLoop.makeSucceededVoidFuture()
        }.get()
    }

    static func send(_ listing: QueueListing, over channel: any Channel, work: any BlockingWork) async {
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: QueueListing.greeting))
            while let part = try await work.run({ listing.next() }) {
                try await channel.writeAndFlush(ByteBuffer(bytes: part))
            }
            try await channel.writeAndFlush(ByteBuffer(bytes: QueueListing.end))
        } catch {
            // The reader has gone.
        }
        listing.close()
        try? await channel.close()
    }
}
