import Glibc
import InternalProtocol
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
    private let lineLimit: Int
    private let pool: BlockingPool
    private var source: ContentSource
    /// 8-bit parts are sent as quoted-printable.
    private var isConverted = false
    /// The first piece.
    private(set) var first: ByteBuffer
    /// `first` is all there is.
    private(set) var isWhole: Bool
    /// Streams the pieces to a server. One whose connection has ended may still be reading.
    private var transfer: Task<Void, Never>?

    /// Opens and locks the file and reads the beginning.
    static func open(
        _ queue: QueueDirectory, name: String, id: QueueID, dataOffset: Int, lineLimit: Int, pool: BlockingPool
    ) async throws -> MessageContent {
        try await pool.runPromptly {
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
        self.lineLimit = lineLimit
        source = ContentSource(
            file: file, size: size, dataOffset: dataOffset, lineLimit: lineLimit, converts: false)
        let bytes = try Self.read(source, file) ?? []
        first = ByteBuffer(bytes: bytes)
        isWhole = bytes.count < Self.chunk
    }

    private static func read(_ source: ContentSource, _ file: any StoredFile) throws(QueueFileError) -> [UInt8]? {
        do throws(QueueFileError) {
            return try source.next(chunk)
        } catch {
            DamagedContent.mark(file, after: error)
            throw error
        }
    }

    /// The piece after `first`, then the ones after that; nil at the end.
    func next() async throws -> ByteBuffer? {
        let source = source
        if source.isReady(Self.chunk) { return try Self.read(source, file).map { ByteBuffer(bytes: $0) } }
        return try await pool.run { try Self.read(source, self.file).map { ByteBuffer(bytes: $0) } }
    }

    /// Streams the content with `sender`. The content is not touched otherwise until that has ended.
    func stream(_ sender: ContentSender) {
        transfer = Task(executorPreference: LoopExecutor(sender.channel.eventLoop)) { await sender.run() }
    }

    private func transferEnded() async {
        await transfer?.value
        transfer = nil
    }

    /// Starts over for another server: `next` gives the second piece again.
    /// - Parameter converts: the server does not take 8-bit text.
    func rewind(converts: Bool) async throws {
        await transferEnded()
        guard !isWhole || converts != isConverted else { return }
        let fresh = ContentSource(
            file: file, size: size, dataOffset: dataOffset, lineLimit: lineLimit, converts: converts)
        let bytes = try await pool.run { try Self.read(fresh, self.file) ?? [] }
        source = fresh
        isConverted = converts
        first = ByteBuffer(bytes: bytes)
        isWhole = bytes.count < Self.chunk
    }

    /// Marks recipients as done.
    func markDone(_ offsets: [Int]) async throws {
        guard !offsets.isEmpty else { return }
        try await pool.runPromptly { for offset in offsets { try QueueFileReader.markDone(self.file, at: offset) } }
    }

    /// Marks the last recipients and lets go of the file.
    func close(marking offsets: [Int]) async throws {
        await transferEnded()
        try await pool.runPromptly {
            defer {
                self.file.unlock()
                self.file.close()
            }
            for offset in offsets { try QueueFileReader.markDone(self.file, at: offset) }
        }
    }
}
