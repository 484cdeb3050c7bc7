import Glibc
import InternalProtocol
import MailSystem
import Spool

/// How deliver finds the files of messages.
struct QueueAccess: Sendable {
    let directory: QueueDirectory

    /// Opens the file of a request, with the shared lock that tells the queue manager "still being delivered".
    /// Blocks.
    func open(_ request: DeliveryRequest) throws -> QueuedFile {
        guard let id = QueueID(request.queueID) else {
            throw SystemError("open", path: request.queueID, errno: EINVAL)
        }
        let path = directory.path(queue: request.queueName, id: id)
        let file = try directory.store.open(path, writing: true)
        do {
            guard try file.tryLock(exclusive: false) else { throw SystemError("lock", path: path, errno: EWOULDBLOCK) }
            return QueuedFile(file: file, path: path, size: try file.status().size, dataOffset: request.dataOffset)
        } catch {
            file.close()
            throw error
        }
    }
}

/// An open, locked queue file. Calls block.
final class QueuedFile: Sendable {
    let file: any StoredFile
    let path: String
    let size: Int
    let dataOffset: Int

    init(file: any StoredFile, path: String, size: Int, dataOffset: Int) {
        self.file = file
        self.path = path
        self.size = size
        self.dataOffset = dataOffset
    }

    /// The content as text lines.
    func content() -> ContentReader {
        ContentReader(file: file, size: size, dataOffset: dataOffset, format: .text)
    }

    func markDone(_ recipient: DeliveryRecipient, log: MailLog) {
        do {
            try QueueFileReader.markDone(file, at: recipient.offset)
        } catch {
            // The queue manager knows from the result; only a crash before the file is gone would deliver twice.
            log.warning("\(path): cannot mark recipient \(recipient.address) as done: \(error)")
        }
    }

    /// After a read error: a damaged file is set aside.
    func markIfDamaged() { DamagedContent.mark(file, size: size, dataOffset: dataOffset) }
}
