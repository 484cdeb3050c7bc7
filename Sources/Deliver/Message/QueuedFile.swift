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
        let absolute = (directory.store as? POSIXFileStore)?.absolute(path) ?? path
        let descriptor = Glibc.open(absolute, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0 { throw SystemError("open", path: path) }
        let file = POSIXFile(descriptor: descriptor, path: path)
        guard try file.tryLock(exclusive: false) else { throw SystemError("lock", path: path, errno: EWOULDBLOCK) }
        return QueuedFile(file: file, size: try file.status().size, dataOffset: request.dataOffset)
    }
}

/// An open, locked queue file. Calls block.
final class QueuedFile: Sendable {
    let file: POSIXFile
    let size: Int
    let dataOffset: Int

    init(file: POSIXFile, size: Int, dataOffset: Int) {
        self.file = file
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
            log.warning("\(file.path): cannot mark recipient \(recipient.address) as done: \(error)")
        }
    }

    /// A file that cannot be read is set aside.
    func markCorrupt() { do { try file.setPermissions(QueueFileMode.corrupt) } catch {} }
}
