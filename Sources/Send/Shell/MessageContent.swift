import Glibc
import MailSystem
import NIOCore
import Runtime
import Spool

/// The queue file of a message under delivery: locked, its first piece of content in memory, the rest streamed.
// Sendable by hand: used by one delivery at a time; hops between its task, the pool and the event loop are ordered.
final class MessageContent: @unchecked Sendable {
    static let chunk = 64 << 10

    let file: any StoredFile
    private let size: Int
    private let dataOffset: Int
    private let format: ContentReader.Format
    private let pool: BlockingPool
    private var reader: ContentReader
    /// The first piece.
    private(set) var first: ByteBuffer
    /// `first` is all there is.
    private(set) var isWhole: Bool

    /// Opens and locks the file and reads the beginning: one trip to the pool.
    static func open(
        _ queue: QueueDirectory, name: String, id: QueueID, dataOffset: Int, lineLimit: Int, pool: BlockingPool
    ) async throws -> MessageContent {
        try await pool.run {
            let file = try queue.open(queue: name, id: id, writing: true)
            do {
                guard try file.tryLock(exclusive: false) else {
                    throw SystemError("lock", path: queue.path(queue: name, id: id), errno: EAGAIN)
                }
                return try MessageContent(file, dataOffset: dataOffset, lineLimit: lineLimit, pool: pool)
            } catch {
                file.close()
                throw error
            }
        }
    }

    private init(_ file: any StoredFile, dataOffset: Int, lineLimit: Int, pool: BlockingPool) throws {
        self.file = file
        self.dataOffset = dataOffset
        self.pool = pool
        size = try file.status().size
        format = .smtp(lineLimit: lineLimit)
        reader = ContentReader(file: file, size: size, dataOffset: dataOffset, format: format)
        let bytes = try reader.nextChunk(Self.chunk) ?? []
        first = ByteBuffer(bytes: bytes)
        isWhole = bytes.count < Self.chunk
    }

    /// The piece after `first`, then the ones after that; nil at the end.
    func next() async throws -> ByteBuffer? {
        let reader = reader
        return try await pool.run { try reader.nextChunk(Self.chunk).map { ByteBuffer(bytes: $0) } }
    }

    /// Starts over for another server: `next` gives the second piece again.
    func rewind() async throws {
        guard !isWhole else { return }
        let fresh = ContentReader(file: file, size: size, dataOffset: dataOffset, format: format)
        _ = try await pool.run { try fresh.nextChunk(Self.chunk) }
        reader = fresh
    }

    /// Marks recipients as done.
    func markDone(_ offsets: [Int]) async throws {
        guard !offsets.isEmpty else { return }
        try await pool.run { for offset in offsets { try QueueFileReader.markDone(self.file, at: offset) } }
    }

    /// Marks the last recipients and lets go of the file: one trip to the pool.
    func close(marking offsets: [Int]) async throws {
        try await pool.run {
            defer {
                self.file.unlock()
                self.file.close()
            }
            for offset in offsets { try QueueFileReader.markDone(self.file, at: offset) }
        }
    }
}
