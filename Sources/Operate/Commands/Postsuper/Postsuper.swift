import Configuration
import Glibc
import MailSystem
import Spool
import Submission

/// postsuper(1): deletes, holds, releases, requeues and expires mail, and repairs the queue's structure.
public enum Postsuper {
    public static func main(_ arguments: [String]) -> Int32 {
        CommandRunner.run("postsuper") {
            let options = try PostsuperOptions(arguments)
            CommandTrace.begin("postsuper", level: options.verbosity)
            let context = try Submission.CommandContext(program: "postsuper", directory: options.configuration)
            return CommandRunner.run("postsuper", log: context.log) { try run(options, context) }
        }
    }

    private static func run(_ options: PostsuperOptions, _ context: Submission.CommandContext) throws -> Int32 {
        let parameters = context.parameters
        try becomeMailOwner(parameters["mail_owner"])
        context.cleanEnvironment()
        try context.enterQueueDirectory()
        let directory = QueueDirectory(
            store: POSIXFileStore(root: ""), hashNames: parameters.list("hash_queue_names"),
            hashDepth: parameters.int("hash_queue_depth"), longIDs: parameters.bool("enable_long_queue_ids"))
        var work = QueueMaintenance(directory: directory, log: context.log)
        let structure =
            options.queues.isEmpty
            ? ["maildrop", "incoming", "active", "deferred", "hold", "bounce", "defer", "trace", "flush"]
            : options.queues
        if options.purge { try work.purge(queues: structure, now: SystemClock().now()) }
        if options.repair {
            try work.repair(queues: structure.filter { $0 != "maildrop" }, longNames: options.repairLongNames)
        }
        for request in options.requests {
            let queues = options.queues.isEmpty ? request.action.defaultQueues : options.queues
            switch request.target {
            case .all: try work.performAll(request.action, queues: queues)
            case .message(let id): try work.perform(request.action, id: id, queues: queues)
            case .input:
                var source = ByteSource(STDIN_FILENO)
                while let (line, _) = try source.piece(until: 0x0a, limit: 1000) {
                    try work.perform(request.action, id: String(decoding: line, as: UTF8.self), queues: queues)
                }
            }
        }
        report(options, work.counts, context.log)
        return ExitStatus.ok
    }

    /// Files and directories that are made must belong to the mail system. Without root, only the owner of the queue
    /// may go on.
    private static func becomeMailOwner(_ name: String) throws {
        let account = try Users.lookup(name: name)
        guard geteuid() == 0 else {
            guard let account, account.uid == geteuid() else {
                throw Submission.CommandFailure("use of this command is reserved for the superuser")
            }
            return
        }
        guard let account else {
            throw Submission.CommandFailure("unknown mail_owner configuration parameter value: \(name)")
        }
        try Privileges.drop(
            to: Spawn.Identity(
                uid: account.uid, gid: account.gid, groups: Users.groups(of: name, primary: account.gid)))
    }

    private static func report(_ options: PostsuperOptions, _ counts: QueueMaintenance.Counts, _ log: MailLog) {
        func line(_ text: String, _ count: Int, _ asked: Bool) {
            if asked || count > 0 { log.info("\(text): \(count) message\(count == 1 ? "" : "s")") }
        }
        func asked(_ actions: PostsuperOptions.Action...) -> Bool {
            options.requests.contains { actions.contains($0.action) }
        }
        line("Requeued", counts.requeued, asked(.requeue))
        line("Deleted", counts.deleted, asked(.delete))
        line("Force-expired", counts.expired, asked(.expire, .expireAndRelease))
        line("Placed on hold", counts.held, asked(.hold))
        line("Released from hold", counts.released, asked(.release, .expireAndRelease))
        line("Renamed to match inode number", counts.renamed, false)
    }
}
