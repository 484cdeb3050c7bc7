import Configuration
import Glibc
import Lookup
import MailSystem
import Operate

/// `non_bdb_migration_level = enable-reindex`: makes the indexed files that take the place of Berkeley DB's, where they are
/// missing. Postfix does that when a daemon asks for a table; here the administrator's `postfix start`, `reload` and
/// `check` do, so that no process of the mail system makes tables with root's rights.
package struct MissingIndexes {
    let parameters: Parameters
    let log: MailLog

    package init(parameters: Parameters, log: MailLog) {
        self.parameters = parameters
        self.log = log
    }

    package func make() {
        guard parameters["non_bdb_migration_level"] == "enable-reindex" else { return }
        let settings = TableSettings(parameters: parameters, checksProxy: false)
        let aliases = Set(["alias_maps", "alias_database"].flatMap(parameters.list))
        for type in ["hash", "btree"] {
            for path in Set(parameters.tableFiles(of: type)).sorted() {
                let table = TableSpecification(type: type, name: path)
                let target = settings.redirected(table)
                // A cache has no source: it is made when it is first used.
                guard target != table, let suffix = Self.suffixes[target.type],
                    !Files.exists(path + suffix), isTrusted(path)
                else { continue }
                log.info("making \(target) from \(path)")
                let arguments = ["-c", parameters.directory, "\(table)"]
                _ = aliases.contains("\(table)") ? PostaliasCommand.run(arguments) : PostmapCommand.run(arguments)
            }
        }
    }

    private static let suffixes = ["lmdb": ".lmdb", "cdb": ".cdb"]

    /// postmap(1) gives up root's rights for a file that belongs to somebody else.
    private func isTrusted(_ path: String) -> Bool {
        var source = stat()
        guard stat(path, &source) == 0 else { return false }
        let isRoots = source.st_uid == 0
        let prefixes = parameters.list("non_bdb_migration_allow_\(isRoots ? "root" : "user")_prefixes")
        return source.st_mode & 0o022 == 0 && !path.split(separator: "/").contains("..")
            && prefixes.contains { path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
    }
}
