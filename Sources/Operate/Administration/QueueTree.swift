import Configuration
import Glibc
import MailSystem

/// The queue directory's tree, the data directory and their owners and modes, as Debian's package lays them out.
package struct QueueTree {
    struct Entry: Equatable {
        var path: String
        var isOwnedByMail: Bool
        /// Belongs to setgid_group.
        var isGroupShared: Bool
        var mode: UInt32
    }

    let entries: [Entry]
    let mailOwner: String
    let setgidGroup: String

    package init(_ parameters: Parameters) {
        let queue = parameters["queue_directory"]
        mailOwner = parameters["mail_owner"]
        setgidGroup = parameters["setgid_group"]
        var entries = [
            Entry(path: queue, isOwnedByMail: false, isGroupShared: false, mode: 0o755),
            Entry(path: parameters["data_directory"], isOwnedByMail: true, isGroupShared: false, mode: 0o700),
        ]
        let closed = [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
            "spare", "trace",
        ]
        for name in closed {
            entries.append(Entry(path: "\(queue)/\(name)", isOwnedByMail: true, isGroupShared: false, mode: 0o700))
        }
        entries.append(Entry(path: "\(queue)/maildrop", isOwnedByMail: true, isGroupShared: true, mode: 0o1730))
        entries.append(Entry(path: "\(queue)/public", isOwnedByMail: true, isGroupShared: true, mode: 0o2710))
        entries.append(Entry(path: "\(queue)/pid", isOwnedByMail: false, isGroupShared: false, mode: 0o755))
        self.entries = entries
    }

    /// Ids of the owner and the group; nil when there is no such user or group.
    private func accounts() throws(SystemError) -> (uid: UInt32, gid: UInt32)? {
        guard let owner = try Users.lookup(name: mailOwner), let group = try Users.group(name: setgidGroup) else {
            return nil
        }
        return (owner.uid, group)
    }

    /// Makes what is missing. Only root gives directories away; anybody else must be mail_owner.
    package func makeMissing() throws(SystemError) {
        let accounts = try accounts()
        for entry in entries where Files.status(entry.path) == nil {
            try Files.makeDirectories(entry.path)
            try apply(entry, accounts)
        }
    }

    /// Sets owner, group and mode of everything.
    package func setPermissions() throws(SystemError) {
        let accounts = try accounts()
        for entry in entries {
            if Files.status(entry.path) == nil { try Files.makeDirectories(entry.path) }
            try apply(entry, accounts)
        }
    }

    private func apply(_ entry: Entry, _ accounts: (uid: UInt32, gid: UInt32)?) throws(SystemError) {
        if Privileges.isRoot, let accounts {
            let uid = entry.isOwnedByMail ? accounts.uid : 0
            let gid = entry.isGroupShared ? accounts.gid : 0
            if lchown(entry.path, uid, gid) != 0 { throw SystemError("change owner of", path: entry.path) }
        }
        if chmod(entry.path, entry.mode) != 0 { throw SystemError("change mode of", path: entry.path) }
    }

    /// What `postfix check` warns of.
    package func problems() -> [String] {
        guard Privileges.isRoot, let accounts = try? accounts() else { return [] }
        var found: [String] = []
        for entry in entries {
            guard let status = Files.linkStatus(entry.path) else { continue }
            if !status.isDirectory {
                found.append("not a directory: \(entry.path)")
                continue
            }
            if entry.isOwnedByMail, status.owner != accounts.uid {
                found.append("not owned by \(mailOwner): \(entry.path)")
            }
            if !entry.isOwnedByMail, status.owner != 0 { found.append("not owned by root: \(entry.path)") }
            if entry.isGroupShared, status.group != accounts.gid {
                found.append("not owned by group \(setgidGroup): \(entry.path)")
            }
            let writable: UInt32 = entry.isGroupShared ? 0o002 : 0o022
            if status.mode & writable != 0 { found.append("group or other writable: \(entry.path)") }
        }
        return found
    }
}
