import Configuration
import Glibc
import MailSystem
import Operate
import Submission

/// `postfix non-bdb …`: the way from Berkeley DB's table types to others: postfix-non-bdb(1).
package struct NonBDBMigration {
    let parameters: Parameters
    let log: MailLog

    private static let level = "non_bdb_migration_level"
    private static let bdbTypes = ["hash", "btree"]
    /// Tables that set-gid commands open, which make no tables.
    private static let tablesOfCommands = [
        "authorized_flush_users", "authorized_mailq_users", "authorized_submit_users", "local_login_sender_maps",
    ]

    package init(parameters: Parameters) {
        self.parameters = parameters
        log = CommandLog.make(
            tag: "postfix-non-bdb-script", parameters: parameters, standardError: CommandLog.hasTerminal)
    }

    /// - Returns: exit status.
    package func run(_ arguments: [String]) -> Int32 {
        do throws(CommandFailure) {
            switch arguments.count == 1 ? arguments[0] : "" {
            case "status": try postconf(["-h", Self.level])
            case "disable":
                try postconf(["-X", Self.level])
                try removeService()
            case "enable-redirect":
                try requireTargets()
                try removeService()
                try postconf(["\(Self.level)=enable-redirect"])
            case "enable-reindex":
                try requireTargets()
                try indexTablesOfCommands()
                try postconf(["-M", "\(service)/unix=\(service) unix y n n - 1 nbdb_reindexd"])
                try postconf(["\(Self.level)=enable-reindex"])
            default:
                throw CommandFailure(
                    "usage: postfix non-bdb status (or enable-redirect, or enable-reindex, or disable)")
            }
            return ExitStatus.ok
        } catch {
            if !error.message.isEmpty { log.fatal(error.message) }
            return error.status
        }
    }

    private var service: String { parameters["non_bdb_migration_service_name"] }

    private func postconf(_ arguments: [String]) throws(CommandFailure) {
        let status = PostconfCommand.run(["-c", parameters.directory] + arguments)
        if status != 0 { throw CommandFailure("", status: status) }
    }

    private func removeService() throws(CommandFailure) { try postconf(["-MX", "\(service)/unix"]) }

    private func requireTargets() throws(CommandFailure) {
        for name in ["default_database_type", "default_cache_db_type"] where Self.bdbTypes.contains(parameters[name]) {
            throw CommandFailure("parameter \(name) specifies a Berkeley DB type: '\(parameters[name])'")
        }
    }

    private func indexTablesOfCommands() throws(CommandFailure) {
        for table in Self.tablesOfCommands.flatMap(parameters.list) {
            guard let colon = table.firstIndex(of: ":"), Self.bdbTypes.contains(String(table[..<colon])) else {
                continue
            }
            log.info("Proactively reindexing \(table)")
            guard PostmapCommand.run(["-c", parameters.directory, table]) == 0 else { throw CommandFailure("") }
        }
    }
}
