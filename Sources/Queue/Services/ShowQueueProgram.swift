import Configuration
import Glibc
import MailSystem
import Spool

/// `showq -u -S`: the queue listing on standard output, which postqueue asks for when the mail system is down.
public enum ShowQueueProgram {
    public static func main(_ arguments: [String]) -> Int32 {
        let log = MailLog(tag: "showq", sink: StandardErrorSink())
        do {
            let directory = getenv("MAIL_CONFIG").flatMap { String(validatingCString: $0) } ?? "/etc/postfix"
            try write(try Parameters.load(directory: directory, processName: "showq"))
            return 0
        } catch {
            log.fatal("\(error)")
            return 1
        }
    }

    private static func write(_ parameters: Parameters) throws {
        let path = parameters["queue_directory"]
        if chdir(path) != 0 { throw SystemError("chdir", path: path) }
        // Files of strangers are read below: not as root.
        if geteuid() == 0, let owner = try Users.lookup(name: parameters["mail_owner"]) {
            try Privileges.drop(
                to: Spawn.Identity(
                    uid: owner.uid, gid: owner.gid, groups: Users.groups(of: owner.name, primary: owner.gid)))
        }
        let listing = QueueListing(
            directory: QueueDirectory(
                store: POSIXFileStore(root: ""), hashNames: parameters.list("hash_queue_names"),
                hashDepth: parameters.int("hash_queue_depth")),
            emptyAddress: parameters["empty_address_recipient"])
        defer { listing.close() }
        try Descriptors.writeAll(QueueListing.greeting, to: STDOUT_FILENO)
        while true {
            var entries = listing.nextEntries(100)[...]
            if entries.isEmpty { break }
            while !entries.isEmpty { try Descriptors.writeAll(listing.render(&entries), to: STDOUT_FILENO) }
        }
        try Descriptors.writeAll(QueueListing.end, to: STDOUT_FILENO)
    }
}
