import Configuration
import Glibc
import InternalProtocol
import Lookup
import MailSystem

/// The user's mailbox, wherever the configuration has it.
struct LocalMailbox {
    let delivery: LocalDelivery
    let recipient: DeliveryRecipient

    private var settings: LocalSettings { delivery.settings }
    private var context: AgentContext { delivery.context }

    /// mailbox_transport, mailbox_command, home_mailbox, mail_spool_directory: the first that is set.
    func deliver(_ account: UserAccount) async {
        let parameters = context.parameters
        var transport = parameters["mailbox_transport"]
        var command = parameters["mailbox_command"]
        do throws(LookupError) {
            if let found = try await settings.mailboxTransports.find(account.name) { transport = found }
            if let found = try await settings.mailboxCommands.find(account.name) { command = found }
        } catch {
            return delivery.note(.tableFailure, recipient)
        }
        if !transport.isEmpty { return await delivery.pass(to: transport, recipient) }
        if !command.isEmpty {
            let settings = settings
            let identity: Spawn.Identity? =
                account.uid == 0 ? await context.pool.run { settings.defaultIdentity } : account.identity
            return await delivery.run(command, identity: identity, account: account, recipient)
        }
        let home = parameters["home_mailbox"]
        if !home.isEmpty {
            return await store("\(account.home)/\(home)", account, identity: account.identity)
        }
        let spool = parameters["mail_spool_directory"]
        let path = spool.hasSuffix("/") ? "\(spool)\(account.name)/" : "\(spool)/\(account.name)"
        await store(path, account, identity: spoolIdentity(spool, account))
    }

    /// A spool directory that its users cannot write belongs to root, who makes the file and gives it away; the lock
    /// file goes there too.
    private func spoolIdentity(_ spool: String, _ account: UserAccount) -> Spawn.Identity {
        guard let status = Files.status(spool), status.mode & 0o002 == 0 else { return account.identity }
        return Spawn.Identity(uid: 0, gid: status.group, groups: [status.group])
    }

    private func store(_ path: String, _ account: UserAccount, identity: Spawn.Identity) async {
        let isMaildir = path.hasSuffix("/")
        if delivery.reporter.isProbe {
            return delivery.note(.sent(isMaildir ? "delivers to maildir" : "delivers to mailbox"), recipient)
        }
        // Maildirs below the spool are made with the user's rights when those suffice.
        let actor = isMaildir ? account.identity : identity
        let job = job(path, owner: account.identity)
        switch await context.workers.perform(job, file: delivery.file.file, as: actor) {
        case .delivered(let offset):
            delivery.note(.sent(isMaildir ? "delivered to maildir" : "delivered to mailbox"), recipient)
            if !isMaildir { settings.biff?.notify(account.name, offset: offset) }
        case .failed(let text, let code):
            let what =
                isMaildir
                ? "maildir delivery failed: \(text)"
                : "cannot update mailbox \(path) for user \(account.name). \(text)"
            delivery.note(MailboxFailure.verdict(what, errno: code, standard: isMaildir ? "4.2.0" : "5.2.0"), recipient)
        default: unreadable()
        }
    }

    /// A file that an alias or .forward file names.
    func append(toFile path: String, identity: Spawn.Identity) async {
        var job = job(path, owner: identity)
        job.isOwnershipStrict = false
        job.allowsDevices = true
        let isMaildir = path.hasSuffix("/")
        switch await context.workers.perform(job, file: delivery.file.file, as: identity) {
        case .delivered:
            delivery.note(.sent(isMaildir ? "delivered to maildir" : "delivered to file: \(path)"), recipient)
        case .failed(let text, let code):
            let what =
                isMaildir ? "maildir delivery failed: \(text)" : "cannot append message to file \(path): \(text)"
            delivery.note(MailboxFailure.verdict(what, errno: code, standard: "5.2.0"), recipient)
        default: unreadable()
        }
    }

    private func unreadable() {
        delivery.file.markIfDamaged()
        delivery.note(.deferred("4.3.0", "queue file read error"), recipient)
    }

    private func job(_ path: String, owner: Spawn.Identity) -> MailboxJob {
        let isMaildir = path.hasSuffix("/")
        var prefix = MessagePrefix()
        if !isMaildir { prefix.fromLine = delivery.request.sender }
        prefix.returnPath = delivery.request.sender
        prefix.originalRecipient = recipient.originalAddress.isEmpty ? recipient.address : recipient.originalAddress
        if settings.deliveredToFor.contains("file") { prefix.deliveredTo = delivery.recipient.address }
        var job = MailboxJob(
            format: isMaildir ? .maildir : .mbox, path: path, prefix: prefix.bytes(now: context.clock.now()),
            dataOffset: delivery.request.dataOffset, owner: owner.uid, group: owner.gid,
            hostName: settings.mailbox.hostName)
        settings.mailbox.apply(to: &job)
        return job
    }
}
