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

    /// Parts of the listing that are made beside each other, so that the queue's files are read in parallel.
    private static let pieces = 4
    /// Messages in each.
    private static let pieceLength = 50

    private struct Piece: Sendable {
        var bytes: [UInt8]
        var rest: ArraySlice<QueueListing.Entry>
    }

    private static func render(
        _ entries: ArraySlice<QueueListing.Entry>, of listing: QueueListing, _ work: any BlockingWork
    ) async throws -> Piece {
        try await work.run {
            var rest = entries
            let bytes = listing.render(&rest)
            return Piece(bytes: bytes, rest: rest)
        }
    }

    private static func render(
        _ entries: [QueueListing.Entry], of listing: QueueListing, _ work: any BlockingWork
    ) async throws -> [Piece] {
        try await withThrowingTaskGroup(of: (Int, Piece).self) { group in
            for start in stride(from: 0, to: entries.count, by: pieceLength) {
                let part = entries[start..<min(start + pieceLength, entries.count)]
                group.addTask { (start, try await render(part, of: listing, work)) }
            }
            var made: [(Int, Piece)] = []
            for try await piece in group { made.append(piece) }
            return made.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    static func send(_ listing: QueueListing, over channel: any Channel, work: any BlockingWork) async {
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: QueueListing.greeting))
            while case let entries = try await work.run({ listing.nextEntries(pieces * pieceLength) }), !entries.isEmpty
            {
                for var piece in try await render(entries, of: listing, work) {
                    try await channel.writeAndFlush(ByteBuffer(bytes: piece.bytes))
                    // A message may have any number of recipients.
                    while !piece.rest.isEmpty {
                        piece = try await render(piece.rest, of: listing, work)
                        try await channel.writeAndFlush(ByteBuffer(bytes: piece.bytes))
                    }
                }
            }
            try await channel.writeAndFlush(ByteBuffer(bytes: QueueListing.end))
        } catch {
            // The reader has gone.
        }
        listing.close()
        try? await channel.close()
    }
}
