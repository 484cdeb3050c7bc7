import Glibc
import InternalProtocol
import MailSystem
import NIOCore
import Runtime

/// A process with the identity of mailbox owners. It does one thing: put messages, whose queue file descriptors it is
/// given, into mailboxes. Many at a time; it ends with its socket.
public enum DeliveryWorker {
    /// The hidden first argument of the multi-call program.
    public static let argument = "--delivery-worker"
    static let socket: CInt = 3

    public static func main() -> Never {
        Privileges.ignoreBrokenPipes()
        Privileges.setNoNewPrivileges()
        umask(0o077)
        let pool = BlockingPool(maximumThreads: 128)
        let running = WorkCount()
        while let message = try? Descriptors.receive(from: socket, maximumBytes: 1 << 20), !message.bytes.isEmpty {
            guard !message.truncated, let descriptor = message.descriptors.first,
                let request = WorkerMessage(message.bytes)
            else {
                for descriptor in message.descriptors { Descriptors.close(descriptor) }
                continue
            }
            running.begin()
            pool.submit {
                let file = POSIXFile(descriptor: descriptor, path: "queue file")
                let outcome = MailboxWriter.perform(request.job, file: file, in: POSIXMailboxFiles())
                file.close()
                do { try Descriptors.send(WorkerMessage.reply(request.id, outcome), over: socket) } catch {}
                running.end()
            }
        }
        running.wait()
        _exit(0)
    }
}

/// Waits until nothing is under way.
private final class WorkCount: @unchecked Sendable {
    // Unchecked: the C primitives guard `count`.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var count = 0

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    func begin() {
        pthread_mutex_lock(mutex)
        count += 1
        pthread_mutex_unlock(mutex)
    }

    func end() {
        pthread_mutex_lock(mutex)
        count -= 1
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    func wait() {
        pthread_mutex_lock(mutex)
        while count > 0 { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }
}

/// A job on its way to a worker: request id and job, one packet.
struct WorkerMessage: Sendable {
    var id: UInt64
    var job: MailboxJob

    init(id: UInt64, job: MailboxJob) {
        self.id = id
        self.job = job
    }

    init?(_ bytes: [UInt8]) {
        var buffer = ByteBuffer(bytes: bytes)
        guard let frame = try? Frame.read(from: &buffer), frame.kind == MailboxJob.kind else { return nil }
        var reader = WireReader(frame.payload)
        guard let job = try? MailboxJob(from: &reader) else { return nil }
        self.init(id: frame.id, job: job)
    }

    var bytes: [UInt8] {
        var writer = WireWriter()
        job.encode(into: &writer)
        return Self.frame(id, MailboxJob.kind, writer)
    }

    static func reply(_ id: UInt64, _ outcome: MailboxOutcome) -> [UInt8] {
        var writer = WireWriter()
        outcome.encode(into: &writer)
        return frame(id, Frame.replyKind, writer)
    }

    static func outcome(_ bytes: [UInt8]) -> (id: UInt64, outcome: MailboxOutcome)? {
        var buffer = ByteBuffer(bytes: bytes)
        guard let frame = try? Frame.read(from: &buffer), frame.kind == Frame.replyKind else { return nil }
        var reader = WireReader(frame.payload)
        guard let outcome = try? MailboxOutcome(from: &reader) else { return nil }
        return (frame.id, outcome)
    }

    private static func frame(_ id: UInt64, _ kind: UInt8, _ writer: WireWriter) -> [UInt8] {
        var buffer = ByteBuffer()
        Frame(id: id, kind: kind, payload: writer.buffer).write(to: &buffer)
        return Array(buffer.readableBytesView)
    }
}
