import Configuration
import Glibc
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import Runtime
import Spool

/// Delivers to mailboxes that tables name: virtual(8).
struct VirtualAgent: DeliveryAgent {
    let context: AgentContext
    private let base: String
    private let mailboxes: AddressLookup
    private let uids: AddressLookup
    private let gids: AddressLookup
    private let minimumUID: Int
    private let settings: MailboxSettings

    init(_ context: AgentContext, opener: TableOpener) {
        self.context = context
        let parameters = context.parameters
        base = parameters["virtual_mailbox_base"]
        minimumUID = parameters.int("virtual_minimum_uid")
        settings = MailboxSettings(parameters, lock: "virtual_mailbox_lock", limit: "virtual_mailbox_limit")
        // Answers grant privileges: no $1 of a pattern may come into them.
        func lookup(_ name: String) -> AddressLookup {
            let maps = Maps(name, of: parameters, opener: opener, options: .privileged)
            return AddressLookup(
                maps: maps, delimiters: parameters["recipient_delimiter"],
                strategy: [.full, .withoutExtension, .atDomain])
        }
        mailboxes = lookup("virtual_mailbox_maps")
        uids = lookup("virtual_uid_maps")
        gids = lookup("virtual_gid_maps")
    }

    func deliver(_ request: DeliveryRequest) async -> DeliveryReport {
        let reporter = DeliveryReporter(request, relay: "virtual", agent: context)
        let queue = context.queue
        let opened: Result<QueuedFile, any Error> = await context.pool.run {
            Result { try queue.open(request) }
        }
        let file: QueuedFile
        switch opened {
        case .success(let found): file = found
        case .failure(let error):
            context.log.warning("\(request.queueID): \(error)")
            return reporter.all(.deferred("4.3.0", "queue file access error: \(error)"), file: nil)
        }
        var results: [RecipientResult] = []
        for recipient in request.recipients {
            let verdict = await verdict(request, recipient, file, isProbe: reporter.isProbe)
            results.append(
                await context.pool.run {
                    reporter.note(verdict, recipient)
                    return reporter.finish(verdict, recipient, file: file)
                })
        }
        await context.pool.run { file.file.close() }
        return DeliveryReport(results: results)
    }

    private func verdict(
        _ request: DeliveryRequest, _ recipient: DeliveryRecipient, _ file: QueuedFile, isProbe: Bool
    ) async -> Verdict {
        let address = ASCII.lowercased(recipient.address)
        let mailbox: String
        do throws(LookupError) {
            guard let found = try await mailboxes.find(address)?.value else {
                return .bounced("5.1.1", "unknown user: \"\(address)\"")
            }
            mailbox = found
        } catch {
            context.log.warning("table virtual_mailbox_maps: lookup \(address): \(error.reason)")
            return .configurationError
        }
        guard let identity = await owner(address) else { return .configurationError }
        let path = base.isEmpty ? mailbox : "\(base)/\(mailbox)"
        let isMaildir = path.hasSuffix("/")
        if isProbe { return .sent(isMaildir ? "delivers to maildir" : "delivers to mailbox") }

        var prefix = MessagePrefix()
        if !isMaildir { prefix.fromLine = request.sender }
        prefix.returnPath = request.sender
        prefix.originalRecipient = recipient.originalAddress.isEmpty ? recipient.address : recipient.originalAddress
        prefix.deliveredTo = address
        var job = MailboxJob(
            format: isMaildir ? .maildir : .mbox, path: path, prefix: prefix.bytes(now: context.clock.now()),
            dataOffset: request.dataOffset, owner: identity.uid, group: identity.gid, hostName: settings.hostName)
        settings.apply(to: &job)
        switch await context.workers.perform(job, file: file.file, as: identity) {
        case .delivered: return .sent(isMaildir ? "delivered to maildir" : "delivered to mailbox")
        case .failed(let text, let code):
            let what = isMaildir ? "maildir delivery failed: \(text)" : "delivery failed to mailbox \(path): \(text)"
            if code == Int(EACCES), isMaildir {
                context.log.warning(
                    "maildir access problem for UID/GID=\(identity.uid)/\(identity.gid): \(text)")
                context.log.warning("perhaps you need to create the maildirs in advance")
            }
            return MailboxFailure.verdict(what, errno: code, standard: "4.2.0")
        case .corruptMessage, .contents:
            file.markIfDamaged()
            return .deferred("4.3.0", "queue file read error")
        }
    }

    /// Nil when the tables give no usable owner; the reason is in the log.
    private func owner(_ address: String) async -> Spawn.Identity? {
        // A table that failed has said so.
        guard let uidText = (try? await uids.find(address))?.value else {
            context.log.warning("recipient \(address): not found in virtual_uid_maps")
            return nil
        }
        guard let uid = UInt32(uidText), Int(uid) >= minimumUID else {
            context.log.warning("recipient \(address): bad uid \(uidText) in virtual_uid_maps")
            return nil
        }
        guard let gidText = (try? await gids.find(address))?.value else {
            context.log.warning("recipient \(address): not found in virtual_gid_maps")
            return nil
        }
        guard let gid = UInt32(gidText), gid > 0 else {
            context.log.warning("recipient \(address): bad gid \(gidText) in virtual_gid_maps")
            return nil
        }
        return Spawn.Identity(uid: uid, gid: gid, groups: [gid])
    }
}
