import Configuration
import Lookup
import MailSystem

/// The parameters and tables of local(8).
struct LocalSettings: Sendable {
    let parameters: Parameters
    let users: any UserDatabase
    let delimiters: String
    let aliases: Maps
    let mailboxTransports: Maps
    let mailboxCommands: Maps
    let fallbackTransports: Maps
    let mailbox: MailboxSettings
    let commandsAllowed: Set<String>
    let filesAllowed: Set<String>
    let deliveredToFor: Set<String>
    /// Nil with `biff = no`.
    let biff: Biff?

    init(_ parameters: Parameters, opener: TableOpener, users: any UserDatabase = SystemUsers()) {
        self.parameters = parameters
        self.users = users
        delimiters = parameters["recipient_delimiter"]
        // Results are commands and files.
        aliases = Maps(parameters["alias_maps"], title: "aliases", opener: opener, options: .privileged)
        mailboxCommands = Maps("mailbox_command_maps", of: parameters, opener: opener, options: .privileged)
        // Results are transports: a sender shall not choose one (postconf(5)).
        let transports: TableOptions = [.foldKeys, .noSubstitution]
        mailboxTransports = Maps("mailbox_transport_maps", of: parameters, opener: opener, options: transports)
        fallbackTransports = Maps("fallback_transport_maps", of: parameters, opener: opener, options: transports)
        mailbox = MailboxSettings(parameters, lock: "mailbox_delivery_lock", limit: "mailbox_size_limit")
        commandsAllowed = Set(parameters.list("allow_mail_to_commands"))
        filesAllowed = Set(parameters.list("allow_mail_to_files"))
        deliveredToFor = Set(parameters.list("prepend_delivered_header"))
        biff = parameters.bool("biff") ? Biff() : nil
    }

    /// default_privs. Blocks.
    var defaultIdentity: Spawn.Identity? {
        guard let account = (try? users.lookup(name: parameters["default_privs"])) ?? nil, account.uid != 0 else {
            return nil
        }
        return Spawn.Identity(uid: account.uid, gid: account.gid, groups: [account.gid])
    }

    /// Rights for what an alias names: those of its table's owner, or default_privs when that is root. Blocks.
    func identity(for owner: TableOwner) -> Spawn.Identity? {
        guard case .user(let uid) = owner, let account = (try? users.lookup(uid: uid)) ?? nil else {
            return defaultIdentity
        }
        return Spawn.Identity(uid: account.uid, gid: account.gid, groups: [account.gid])
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
