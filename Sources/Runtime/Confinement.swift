import Configuration
import Glibc
import MailSystem

/// What a process needs beyond its own memory: everything else is refused to it where the kernel can.
public enum Confinement: Sendable {
    /// - Parameters:
    ///   - writes: the queues that it changes; nil: all of the queue directory.
    ///   - marks: the queues in which it writes to files that are there.
    ///   - hides: the queues that it does not even read.
    ///   - bindsPorts: it makes connections from addresses of its choice.
    ///   - listens: it goes on opening sockets that listen after its start.
    case queueWorker(
        writes: [String]?, marks: [String] = [], hides: [String], bindsPorts: Bool = false, listens: Bool = false)
    /// It starts programs with the rights of others.
    case starter

    /// A setting in import_environment, `APUS_SEPARATION=no`, does without seccomp and landlock.
    public static var isWanted: Bool { ProcessEnvironment.value("APUS_SEPARATION") != "no" }

    /// What separates the processes on this machine, for `postfix check`.
    public static func summary(chrooted: [String]) -> String {
        var parts = [chrooted.isEmpty ? "no service in a chroot" : "chroot: \(chrooted.joined(separator: ", "))"]
        parts.append("no_new_privs")
        parts.append(Separation.hasCallFilter ? "seccomp" : "no seccomp in this kernel")
        let version = Separation.landlockVersion
        parts.append(version >= 2 ? "landlock version \(version)" : "no landlock in this kernel")
        return "separation: \(parts.joined(separator: "; "))"
    }

    /// What is missing on this machine; nil when nothing is.
    public static var shortcoming: String? {
        let missing = [Separation.hasCallFilter ? nil : "seccomp", Separation.landlockVersion >= 2 ? nil : "landlock"]
        let names = missing.compactMap { $0 }
        return names.isEmpty ? nil : "separation: the kernel has no \(names.joined(separator: " and no "))"
    }

    /// Before the first thread, and before anything that outsiders wrote is read.
    func begin(_ parameters: Parameters) throws(SystemError) {
        guard Self.isWanted, Separation.landlockVersion >= 2 else { return }
        guard case .queueWorker(let writes, let marks, let hides, let bindsPorts, _) = self else { return }
        let queue = Self.resolved(parameters["queue_directory"])
        let mailboxes = [parameters["mail_spool_directory"], "/var/mail"].filter { !$0.isEmpty }.map(Self.resolved)
        let hidden = hides.map { "\(queue)/\($0)" } + mailboxes
        var writable = writes.map { $0.map { "\(queue)/\($0)" } } ?? [queue]
        writable.append(parameters["data_directory"])
        writable += Self.databaseDirectories(parameters)
        // Of a log file that master replaces, the new one comes as a descriptor.
        try Separation.confineFiles(
            Separation.FileLimits(
                readable: Separation.everything(but: hidden, needsFile: parameters.mention), writable: writable,
                updatable: marks.map { "\(queue)/\($0)" }, mayBindAnyPort: bindsPorts))
    }

    /// With the final identity and root directory.
    /// - Returns: see `Separation.confineCalls`; nil where nothing is reported.
    func complete() throws(SystemError) -> CInt? {
        guard Self.isWanted, Separation.hasCallFilter else { return nil }
        switch self {
        case .queueWorker: return try Separation.confineCalls()
        case .starter:
            // Without no_new_privs, which would take the set-uid bits of the programs, only root may.
            if Privileges.isRoot { try Separation.confineRootCalls() }
            return nil
        }
    }

    /// The service runs.
    func serving() throws(SystemError) {
        guard Self.isWanted, Separation.hasCallFilter, case .queueWorker(_, _, _, _, listens: false) = self else {
            return
        }
        try Separation.refuseListening()
    }

    private static func resolved(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }

    /// SQLite keeps files beside a database in write-ahead mode, also for reading it.
    private static func databaseDirectories(_ parameters: Parameters) -> [String] {
        var directories: Set<String> = []
        for path in parameters.tableFiles(of: "sqlite") {
            guard let bytes = try? Files.read(path, limit: 1 << 16) else { continue }
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1).map { part in
                    String(decoding: part.filter { !ListSetting.isSpace($0) }, as: UTF8.self)
                }
                guard parts.count == 2, parts[0] == "dbpath", let slash = parts[1].lastIndex(of: "/") else { continue }
                directories.insert(String(parts[1][...slash]))
            }
        }
        return directories.sorted()
    }
}
