import Configuration
import Lookup
import MailSystem

/// The parameters and tables of local(8).
struct LocalSettings: Sendable {
    let parameters: Parameters
    let delimiters: String
    let aliases: Maps
    /// Files behind the alias tables: their owners lend their rights to commands and files in them.
    let aliasFiles: [String]
    let mailboxTransports: Maps
    let mailboxCommands: Maps
    let fallbackTransports: Maps
    let mailbox: MailboxSettings
    let commandsAllowed: Set<String>
    let filesAllowed: Set<String>
    let deliveredToFor: Set<String>
    /// Nil with `biff = no`.
    let biff: Biff?

    init(_ parameters: Parameters, opener: TableOpener) {
        self.parameters = parameters
        delimiters = parameters["recipient_delimiter"]
        // Results are commands and files: no $1 of a pattern, no proxy.
        aliases = Maps(parameters["alias_maps"], opener: opener, options: [.foldKeys, .noSubstitution])
        aliasFiles = parameters.list("alias_maps").compactMap { specification in
            guard let colon = specification.firstIndex(of: ":") else { return nil }
            let path = String(specification[specification.index(after: colon)...])
            return Files.exists(path + ".db") ? path + ".db" : path
        }
        mailboxTransports = Maps(parameters["mailbox_transport_maps"], opener: opener)
        mailboxCommands = Maps(
            parameters["mailbox_command_maps"], opener: opener, options: [.foldKeys, .noSubstitution])
        fallbackTransports = Maps(parameters["fallback_transport_maps"], opener: opener)
        mailbox = MailboxSettings(parameters, lock: "mailbox_delivery_lock", limit: "mailbox_size_limit")
        commandsAllowed = Set(parameters.list("allow_mail_to_commands"))
        filesAllowed = Set(parameters.list("allow_mail_to_files"))
        deliveredToFor = Set(parameters.list("prepend_delivered_header"))
        biff = parameters.bool("biff") ? Biff() : nil
    }

    /// default_privs. Blocks.
    var defaultIdentity: Spawn.Identity? {
        guard let account = (try? Users.lookup(name: parameters["default_privs"])) ?? nil, account.uid != 0 else {
            return nil
        }
        return Spawn.Identity(uid: account.uid, gid: account.gid, groups: [account.gid])
    }

    /// Rights for what an alias names: the owner of the alias file, or default_privs when that is root. Blocks.
    var aliasIdentity: Spawn.Identity? {
        for file in aliasFiles {
            guard let status = Files.status(file), status.owner != 0 else { continue }
            guard let account = (try? Users.lookup(uid: status.owner)) ?? nil else { continue }
            return Spawn.Identity(uid: account.uid, gid: account.gid, groups: [account.gid])
        }
        return defaultIdentity
    }

    /// Values in paths and environments: characters outside the filter become underscores.
    func filtered(_ text: String, by filter: String) -> String {
        let allowed = Set(parameters[filter].utf8)
        return String(decoding: text.utf8.map { allowed.contains($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }
}

extension UserAccount {
    var identity: Spawn.Identity { Spawn.Identity(uid: uid, gid: gid, groups: [gid]) }
}
