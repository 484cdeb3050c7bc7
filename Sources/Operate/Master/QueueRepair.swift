import Configuration
import Glibc
import MailSystem
import Spool

/// What postsuper(1) asks to have done once before a start: old files that a crash cut off go, names and places of the
/// others are put right. A wrong name, as in a queue that was copied, could be given to a new message too.
struct QueueRepair {
    let parameters: Parameters

    /// The queues that new mail passes first; the others may be large and are looked through in the background.
    static let early = ["maildrop", "incoming", "active"]

    /// Before the server runs. Costs nothing when it was stopped with these queues empty.
    /// - Returns: false when it failed.
    func beforeStart() throws -> Bool {
        let directory = QueueDirectory(store: POSIXFileStore(root: parameters["queue_directory"]))
        let queues = Self.early.filter { queue in
            let scan = directory.scan(queue, allNames: true)
            defer { scan.close() }
            return ((try? scan.nextEntry()) ?? nil) != nil
        }
        guard !queues.isEmpty else { return true }
        return ProcessStatus.wait(for: try start(queues)) == .exited(0)
    }

    /// All queues; the process ends by itself.
    func inBackground(_ log: MailLog) {
        do {
            _ = try start([])
        } catch {
            log.warning("cannot run postsuper: \(error)")
        }
    }

    private func start(_ queues: [String]) throws(SystemError) -> pid_t {
        guard let executable = Files.ownExecutable else {
            throw SystemError("find", path: "/proc/self/exe", errno: ENOENT)
        }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { Descriptors.close(null) }
        var spawn = Spawn(
            executable: executable, arguments: ["postsuper", "-c", parameters.directory] + queues,
            environment: ProcessEnvironment.all,
            descriptors: [0: null, 1: null, 2: queues.isEmpty ? null : STDERR_FILENO])
        spawn.group = .newSession
        return try spawn.start()
    }
}
