import Glibc
import MailSystem
import NIOConcurrencyHelpers
import Runtime

/// The workers of this process, one an identity, kept for the next message: delivery into a mailbox costs no exec.
final class WorkerPool: Sendable {
    /// Idle workers beyond this end, the longest idle first.
    static let maximumIdle = 32
    /// Seconds after which an idle worker ends.
    static let idleSeconds = 120.0

    private let state = NIOLockedValueBox<[Spawn.Identity: Worker]>([:])
    private let pool: BlockingPool
    private let log: MailLog
    private let executable: String?
    private let mailboxes: any MailboxFiles

    /// - Parameters:
    ///   - executable: the multi-call program; this program when nil.
    ///   - mailboxes: for what this process does itself.
    init(
        pool: BlockingPool, log: MailLog, executable: String? = nil, mailboxes: any MailboxFiles = POSIXMailboxFiles()
    ) {
        self.pool = pool
        self.log = log
        self.executable = executable
        self.mailboxes = mailboxes
    }

    /// Delivers with the identity asked for. Without root, everything is done with our own.
    func perform(_ job: MailboxJob, file: any StoredFile, as identity: Spawn.Identity) async -> MailboxOutcome {
        // Only a file of the kernel can be given to another process.
        guard let file = file as? POSIXFile, mailboxes.isRoot, identity.uid != 0 else {
            let mailboxes = mailboxes
            return await pool.run { MailboxWriter.perform(job, file: file, in: mailboxes) }
        }
        do throws(SystemError) {
            let worker = try worker(identity)
            if let outcome = await worker.perform(job, file: file) { return outcome }
            forget(worker)
            return .failed("delivery process for uid \(identity.uid) has ended", errno: Int(EAGAIN))
        } catch {
            log.warning("cannot start a delivery process for uid \(identity.uid): \(error)")
            return .failed("cannot start a delivery process: \(error.reason)", errno: Int(EAGAIN))
        }
    }

    private func worker(_ identity: Spawn.Identity) throws(SystemError) -> Worker {
        let found: Result<Worker, SystemError> = state.withLockedValue { workers in
            retireIdle(&workers, but: identity)
            if let worker = workers[identity], worker.take() { return .success(worker) }
            do throws(SystemError) {
                let worker = try Worker(identity, executable: executable, pool: pool)
                _ = worker.take()
                workers[identity] = worker
                return .success(worker)
            } catch {
                return .failure(error)
            }
        }
        return try found.get()
    }

    private func retireIdle(_ workers: inout [Spawn.Identity: Worker], but identity: Spawn.Identity) {
        let idle = workers.filter { $0.key != identity && $0.value.idleSince != nil }
            .sorted { ($0.value.idleSince ?? 0) < ($1.value.idleSince ?? 0) }
        let now = Worker.now
        for (index, entry) in idle.enumerated()
        where idle.count - index > Self.maximumIdle || now - (entry.value.idleSince ?? now) > Self.idleSeconds {
            entry.value.close()
            workers[entry.key] = nil
        }
    }

    private func forget(_ worker: Worker) {
        state.withLockedValue { workers in
            for (identity, other) in workers where other === worker { workers[identity] = nil }
        }
    }

    /// Idle workers end at once, the others after their last delivery.
    func close() {
        for worker in state.withLockedValue({ Array($0.values) }) { worker.close() }
    }
}

/// A running worker process and the jobs it has.
final class Worker: Sendable {
    private struct State {
        var waiting: [UInt64: CheckedContinuation<MailboxOutcome?, Never>] = [:]
        var lastID: UInt64 = 0
        /// Given out and not yet done.
        var users = 0
        var idleSince = Worker.now
        var ended = false
    }

    private let socket: CInt
    private let state = NIOLockedValueBox(State())

    static var now: Double { Double(SystemClock().monotonicNanoseconds()) / 1e9 }

    init(_ identity: Spawn.Identity, executable: String?, pool: BlockingPool) throws(SystemError) {
        guard let program = executable ?? Files.ownExecutable else {
            throw SystemError("find", path: "/proc/self/exe", errno: ENOENT)
        }
        let (ours, theirs) = try Descriptors.socketPair(.sequentialPackets)
        socket = ours
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            Descriptors.close(theirs)
            Descriptors.close(null)
        }
        var spawn = Spawn(
            executable: program, arguments: [program, DeliveryWorker.argument],
            environment: ["PATH=/usr/bin:/bin"] + ProcessEnvironment.all.filter { $0.hasPrefix("TZ=") },
            descriptors: [0: null, 1: null, 2: null, DeliveryWorker.socket: theirs])
        spawn.identity = identity
        spawn.fileMask = 0o077
        spawn.noNewPrivileges = true
        let pid: pid_t
        do throws(SystemError) {
            pid = try spawn.start()
        } catch {
            Descriptors.close(ours)
            throw error
        }
        pool.submit { [self] in
            listen()
            _ = ProcessStatus.wait(for: pid)
        }
    }

    /// Nil while in use.
    var idleSince: Double? { state.withLockedValue { $0.users == 0 ? $0.idleSince : nil } }

    /// Reserves it for one job; false when it has ended.
    func take() -> Bool {
        state.withLockedValue { state in
            guard !state.ended else { return false }
            state.users += 1
            return true
        }
    }

    /// - Returns: nil when the worker has ended without an answer.
    func perform(_ job: MailboxJob, file: POSIXFile) async -> MailboxOutcome? {
        await withCheckedContinuation { continuation in
            let id: UInt64? = state.withLockedValue { state in
                guard !state.ended else { return nil }
                state.lastID += 1
                state.waiting[state.lastID] = continuation
                return state.lastID
            }
            guard let id else { return continuation.resume(returning: nil) }
            do throws(SystemError) {
                let message = WorkerMessage(id: id, job: job)
                try Descriptors.send(message.bytes, descriptors: [file.descriptor], over: socket)
            } catch {
                answer(id, nil)
            }
        }
    }

    private func answer(_ id: UInt64, _ outcome: MailboxOutcome?) {
        let continuation = state.withLockedValue { state in
            if state.waiting[id] != nil {
                state.users -= 1
                state.idleSince = Self.now
            }
            return state.waiting.removeValue(forKey: id)
        }
        continuation?.resume(returning: outcome)
    }

    /// A thread of its own while the worker lives.
    private func listen() {
        while let message = try? Descriptors.receive(from: socket, maximumBytes: 1 << 20), !message.bytes.isEmpty {
            if let (id, outcome) = WorkerMessage.outcome(message.bytes) { answer(id, outcome) }
        }
        let waiting = state.withLockedValue { state in
            state.ended = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume(returning: nil) }
        Descriptors.close(socket)
    }

    /// Says that no more jobs come; it ends when it has answered those it has.
    func close() {
        let ended = state.withLockedValue { state in
            // New jobs go to a new worker.
            defer { state.ended = state.ended || state.waiting.isEmpty }
            return state.ended
        }
        if !ended { shutdown(socket, CInt(SHUT_WR)) }
    }
}
