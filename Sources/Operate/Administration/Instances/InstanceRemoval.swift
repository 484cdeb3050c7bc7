import Glibc
import MailSystem
import Submission

/// Removes the files of an instance: what Postfix made, and nothing else.
struct InstanceRemoval {
    let instance: Instance
    let script: MailLog
    /// The instance's own, for what `postfix status` says of it.
    let status: MailLog

    private static let queues = ["maildrop", "incoming", "active", "deferred", "hold"]

    func requireStopped() throws(CommandFailure) {
        if RunningMaster.status(queueDirectory: instance.queueDirectory, log: status) {
            throw fail("Instance '\(instance.configDirectory)' is not stopped")
        }
    }

    /// postmulti(1) promises it; Postfix leaves mail behind in a queue that nothing reads.
    func requireEmpty() throws(CommandFailure) {
        for queue in Self.queues where hasMail("\(instance.queueDirectory)/\(queue)", depth: 0) {
            throw fail(
                "Instance '\(instance.configDirectory)' has mail in its \(queue) queue; deliver or delete it first")
        }
    }

    private func fail(_ text: String) -> CommandFailure {
        script.fatal(text)
        return CommandFailure("")
    }

    /// A file of mode 0700 is a complete message.
    private func hasMail(_ directory: String, depth: Int) -> Bool {
        for name in Self.names(directory) {
            let path = "\(directory)/\(name)"
            guard let status = Files.linkStatus(path) else { continue }
            if status.isRegularFile, status.mode & 0o7777 == 0o700 { return true }
            // hash_queue_depth is at most 16; a link is no subdirectory.
            if status.isDirectory, depth < 16, hasMail(path, depth: depth + 1) { return true }
        }
        return false
    }

    func run() throws {
        for path in ["main.cf", "master.cf"] { unlink("\(instance.configDirectory)/\(path)") }
        let queue = instance.queueDirectory
        for name in [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid",
            "private", "public", "saved", "spare", "trace",
        ] {
            let path = "\(queue)/\(name)"
            guard Files.exists(path) else { continue }
            // Sockets, lock files and the like are ours; so is the empty tree of a hashed queue.
            let removesFiles = ["pid", "private", "public", "spare", "flush"].contains(name)
            empty(path, removesFiles: removesFiles, depth: 0)
            remove(path)
        }
        empty(instance.dataDirectory, files: Self.dataFiles)
        for path in [queue, instance.dataDirectory, instance.configDirectory] where Files.exists(path) { remove(path) }
    }

    /// What the system itself keeps in data_directory.
    private static let dataFiles: Set<String> = ["master.lock", "prng_exch", "spare"]

    private func empty(_ directory: String, files: Set<String>) {
        for name in Self.names(directory)
        where files.contains(name)
            || ["_cache.db", "_cache.lmdb", "_scache.db", "_scache.lmdb"].contains(where: name.hasSuffix)
        {
            unlink("\(directory)/\(name)")
        }
    }

    private func empty(_ directory: String, removesFiles: Bool, depth: Int) {
        for name in Self.names(directory) {
            let path = "\(directory)/\(name)"
            guard let status = Files.linkStatus(path) else { continue }
            if status.isDirectory, depth < 16 {
                empty(path, removesFiles: removesFiles, depth: depth + 1)
                rmdir(path)
            } else if removesFiles {
                unlink(path)
            }
        }
    }

    private func remove(_ path: String) {
        if rmdir(path) != 0, errno != ENOENT { script.warning("\(path): please verify contents and remove by hand") }
    }

    private static func names(_ directory: String) -> [String] {
        guard let cursor = try? POSIXDirectoryCursor(directory) else { return [] }
        var names: [String] = []
        while let name = (try? cursor.next()) ?? nil { names.append(name) }
        return names
    }
}
