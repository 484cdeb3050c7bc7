import Configuration
import Glibc
import InternalProtocol
import Lookup
import MailSyntax
import MailSystem
import Routing
import Runtime
import Spool

/// The delivery of one message to one recipient, with everything its aliases and .forward files lead to.
/// Used by one task.
final class LocalDelivery {
    /// Where a destination stands: decides its rights and what is allowed.
    struct Place {
        enum Source: String { case alias, forward, include }
        var source: Source
        /// Nil: nobody's rights are at hand, commands and files are refused.
        var identity: Spawn.Identity?
        /// The user whose .forward it is.
        var account: UserAccount?
        /// Names of the aliases that led here.
        var chain: [String]
        /// The list's owner becomes the sender.
        var owner: String?
    }

    let context: AgentContext
    let settings: LocalSettings
    let resolver: AddressResolver
    let rewriter: AddressRewriter
    let queue: any InternalCaller
    let agents: @Sendable (String) -> any InternalCaller
    let request: DeliveryRequest
    let recipient: DeliveryRecipient
    let file: QueuedFile
    let seen: Set<String>
    let reporter: DeliveryReporter

    private var verdicts: [Verdict] = []
    private var forwards: [ForwardRecipient] = []
    private var forwardSender: String?
    private var done: Set<String> = []
    /// The alias is the success that the sender wants to hear of, not what becomes of its members (RFC 3461 §5.2.7.3).
    private var reportsExpansion = false

    /// Aliases within aliases.
    static let depthLimit = 50

    init(
        context: AgentContext, settings: LocalSettings, resolver: AddressResolver, rewriter: AddressRewriter,
        queue: any InternalCaller, agents: @escaping @Sendable (String) -> any InternalCaller,
        request: DeliveryRequest, recipient: DeliveryRecipient, file: QueuedFile, seen: Set<String>,
        reporter: DeliveryReporter
    ) {
        self.context = context
        self.settings = settings
        self.resolver = resolver
        self.rewriter = rewriter
        self.queue = queue
        self.agents = agents
        self.request = request
        self.recipient = recipient
        self.file = file
        self.seen = seen
        self.reporter = reporter
    }

    /// - Returns: the verdict on the recipient as a whole; the lines are logged.
    func run() async -> Verdict {
        if seen.contains(DeliveredTo.fold(recipient.address)) {
            note(.bounced("5.4.6", "mail forwarding loop for \(recipient.address)"), recipient)
        } else {
            await deliver(to: recipient, chain: [])
            // What has to wait is tried again as a whole: nothing is forwarded until then, or it would be each time.
            if !verdicts.contains(where: { $0.kind == .deferred }) { await sendForwards() }
        }
        // Mail waits when a part must wait; it comes back when a part cannot be delivered.
        if let failure = verdicts.first(where: { $0.kind == .deferred })
            ?? verdicts.first(where: { $0.kind == .bounced })
        {
            return failure
        }
        if reportsExpansion { return .sent("alias expanded", action: "expanded") }
        return verdicts.last ?? .sent("expanded to no recipients")
    }

    func note(_ verdict: Verdict, _ recipient: DeliveryRecipient) {
        reporter.note(verdict, recipient)
        verdicts.append(verdict)
    }

    // MARK: Names

    /// One local address: alias, then user.
    private func deliver(to recipient: DeliveryRecipient, chain: [String]) async {
        let (local, _) = EmailAddress.split(recipient.address)
        let name = ASCII.lowercased(local)
        let (user, tail) = EmailAddress.splitExtension(name, delimiters: settings.delimiters)
        for key in tail == nil ? [name] : [name, user] where chain.last != key && !key.isEmpty {
            for table in settings.aliases.tables {
                do throws(LookupError) {
                    guard let value = try await table.find(key) else { continue }
                    return await expandAlias(key, value, of: table.owner, recipient, chain: chain)
                } catch {
                    context.log.warning("\(table.logName): lookup of '\(key)' failed")
                    return note(.aliasesUnavailable, recipient)
                }
            }
        }
        await deliver(toUser: user, recipient)
    }

    /// - Parameter tableOwner: who wrote `value`.
    private func expandAlias(
        _ name: String, _ value: String, of tableOwner: TableOwner, _ recipient: DeliveryRecipient, chain: [String]
    ) async {
        let targets = LocalTarget.parse(value)
        if targets.isEmpty {
            context.log.warning("no recipient in alias lookup result for \(name)")
            return note(.aliasesUnavailable, recipient)
        }
        if chain.count >= Self.depthLimit {
            context.log.warning("maximal alias nesting depth reached for \(name)")
            return note(.bounced("5.4.6", "alias database loop for \(name)"), recipient)
        }
        let settings = settings
        let identity = await context.pool.run { settings.identity(for: tableOwner) }
        var owner: String?
        do throws(LookupError) {
            if let found = try await settings.aliases.find("owner-\(name)") {
                owner = context.parameters.bool("expand_owner_alias") ? found : "owner-\(name)"
            }
        } catch {
            // Not with the sender's name, while it is not known whose list this is.
            return note(.aliasesUnavailable, recipient)
        }
        let success = 2
        if recipient.dsnNotify & success != 0 { reportsExpansion = true }
        let place = Place(source: .alias, identity: identity, chain: chain + [name], owner: owner)
        await deliver(targets, place, recipient, name: name)
    }

    private func deliver(
        _ targets: [LocalTarget], _ place: Place, _ recipient: DeliveryRecipient, name: String
    ) async {
        for target in targets {
            switch target {
            case .address(let address): await deliver(address: address, place, recipient, name: name)
            case .command(let command): await run(command, place, recipient)
            case .file(let path): await append(path, place, recipient)
            case .include(let path): await include(path, place, recipient, name: name)
            }
        }
    }

    /// An address in an alias or .forward file.
    private func deliver(address raw: String, _ place: Place, _ recipient: DeliveryRecipient, name: String) async {
        let isDirect = raw.hasPrefix("\\")
        let address = rewriter.rewrite(isDirect ? String(raw.dropFirst()) : raw)
        let resolution = await resolver.resolve(sender: request.sender, recipient: address)
        let isLocal = resolution.transport == context.service.name && resolution.addressClass == .local
        let local = ASCII.lowercased(EmailAddress.split(address).local)
        let user = EmailAddress.splitExtension(local, delimiters: settings.delimiters).user
        var next = recipient
        next.address = isLocal ? resolution.recipient : address
        // It may be one of ours, and a forwarded message to ourselves would be taken for a loop.
        if case .lookupFailure? = resolution.problem {
            return note(.deferred("4.3.0", "address resolver failure"), next)
        }
        if let account = place.account {
            // The user in the own .forward file means the mailbox.
            if isLocal, isDirect || user == account.name {
                if done.insert("mailbox \(account.name)").inserted { await mailbox(account, next) }
            } else {
                forward(address, place)
            }
            return
        }
        // The members of a list in a file get a message of their own, as with an owner: the file may hold many.
        guard isLocal, place.owner == nil, place.source != .include else { return forward(address, place) }
        if isDirect {
            await deliver(toUser: user, next)
        } else if place.chain.dropLast().contains(local) || place.chain.dropLast().contains(user) {
            context.log.warning("alias database loop for \(name)")
            note(.bounced("5.4.6", "alias database loop for \(name)"), recipient)
        } else if done.insert("local \(DeliveredTo.fold(next.address))").inserted {
            await deliver(to: next, chain: place.chain)
        }
    }

    // MARK: Users

    private func deliver(toUser name: String, _ recipient: DeliveryRecipient) async {
        let users = context.users
        let found: Result<UserAccount?, SystemError> = await context.pool.run {
            Result { () throws(SystemError) in try users.lookup(name: name) }
        }
        switch found {
        case .failure(let error):
            context.log.warning("\(error)")
            note(.deferred("4.3.0", "user lookup error"), recipient)
        case .success(let account?):
            if await !forwardFile(account, recipient) { await mailbox(account, recipient) }
        case .success(nil): await unknown(name, recipient)
        }
    }

    private func unknown(_ name: String, _ recipient: DeliveryRecipient) async {
        var transport = context.parameters["fallback_transport"]
        do throws(LookupError) {
            if let found = try await settings.fallbackTransports.find(name) { transport = found }
        } catch {
            return note(.tableFailure, recipient)
        }
        if !transport.isEmpty { return await pass(to: transport, recipient) }
        let relay = context.parameters["luser_relay"]
        if !relay.isEmpty, done.insert("luser_relay").inserted {
            let values = UserValues(recipient, account: nil, delimiters: settings.delimiters)
            let text = (try? MacroText.expand(relay) { (key) throws(MacroError) in values[key] }) ?? ""
            let settings = settings
            let identity = await context.pool.run { settings.defaultIdentity }
            let place = Place(source: .alias, identity: identity, chain: [name])
            return await deliver(LocalTarget.parse(text), place, recipient, name: name)
        }
        note(.bounced("5.1.1", "unknown user: \"\(name)\""), recipient)
    }

    /// ~/.forward, read with the user's rights.
    /// - Returns: false when there is none, or an empty one.
    private func forwardFile(_ account: UserAccount, _ recipient: DeliveryRecipient) async -> Bool {
        guard !account.home.isEmpty, !done.contains("mailbox \(account.name)") else { return false }
        let values = UserValues(recipient, account: account, delimiters: settings.delimiters)
        for template in context.parameters.raw("forward_path").map(ListSetting.split) ?? Self.forwardPaths {
            let settings = settings
            let path =
                (try? MacroText.expand(template) { (key) throws(MacroError) in
                    if key == "home" { return account.home }
                    return values[key].map { settings.filtered($0, by: "forward_expansion_filter") }
                }) ?? ""
            guard path.hasPrefix("/"), !(values["extension"] == nil && template.contains("extension")) else { continue }
            switch await read(path, as: account.identity) {
            case .contents(let bytes, _):
                let targets = LocalTarget.parse(file: bytes)
                if targets.isEmpty { return false }
                let place = Place(
                    source: .forward, identity: account.uid == 0 ? nil : account.identity, account: account, chain: [])
                await deliver(targets, place, recipient, name: account.name)
                return true
            case .failed(_, errno: let code) where code == Int(ENOENT) || code == Int(ENOTDIR): continue
            case .failed(let text, errno: let code):
                context.log.warning("\(text)")
                // The mailbox is for those who have no .forward file, not for those whose file cannot be read just now.
                guard OwnersFile.isTransient(code) else { continue }
                note(.deferred("4.3.0", "cannot read \(path): \(text)"), recipient)
                return true
            default: continue
            }
        }
        return false
    }

    /// The default of forward_path, whose names are expanded for each user.
    private static let forwardPaths = ["$home/.forward${recipient_delimiter}${extension}", "$home/.forward"]

    private func read(_ path: String, as identity: Spawn.Identity) async -> MailboxOutcome {
        var job = MailboxJob(
            format: .ownersFile, path: path, prefix: [], dataOffset: 0, owner: identity.uid, group: identity.gid,
            hostName: "")
        job.sizeLimit = 128 << 10
        return await context.workers.perform(job, file: file.file, as: identity)
    }

    private func include(_ path: String, _ place: Place, _ recipient: DeliveryRecipient, name: String) async {
        guard path.hasPrefix("/"), place.chain.count < Self.depthLimit else {
            context.log.warning(":include:\(path) uses a relative path")
            return note(.bounced("5.3.5", "mail system configuration error"), recipient)
        }
        let reader =
            place.account == nil ? Spawn.Identity(uid: 0, gid: 0) : place.identity ?? Spawn.Identity(uid: 0, gid: 0)
        let bytes: [UInt8]
        let owner: UInt32
        switch await read(path, as: reader) {
        case .contents(let found, let user): (bytes, owner) = (found, user)
        case .failed(_, errno: let code) where code == Int(ENOENT):
            let reason = String(cString: strerror(ENOENT))
            context.log.warning("unable to lookup :include: file \(path): \(reason)")
            return note(.bounced("5.3.5", "mail system configuration error"), recipient)
        default:
            context.log.warning("cannot open include file \(path)")
            return note(.deferred("4.3.5", "cannot open include file \(path)"), recipient)
        }
        var inner = place
        inner.source = .include
        inner.chain.append(":include:\(path)")
        let settings = settings
        if owner != 0, place.account == nil {
            inner.identity = await context.pool.run {
                ((try? settings.users.lookup(uid: owner)) ?? nil)?.identity ?? settings.defaultIdentity
            }
        }
        await deliver(LocalTarget.parse(file: bytes), inner, recipient, name: name)
    }

    // MARK: Ends

    private func forward(_ address: String, _ place: Place) {
        guard done.insert("forward \(DeliveredTo.fold(address))").inserted else { return }
        if reporter.isProbe {
            var target = recipient
            target.address = address
            return note(.sent("forwards to \(address)"), target)
        }
        if let owner = place.owner { forwardSender = rewriter.rewrite(owner) }
        forwards.append(
            ForwardRecipient(
                address: address,
                // A list with an owner is the end of the original recipient's story.
                originalAddress: place.owner != nil
                    ? address : recipient.originalAddress.isEmpty ? recipient.address : recipient.originalAddress,
                dsnOriginalRecipient: place.owner != nil ? "" : recipient.dsnOriginalRecipient,
                dsnNotify: place.owner != nil ? 0 : membersNotify(recipient.dsnNotify)))
    }

    /// Success is told of the alias alone; who wanted nothing else wants nothing now.
    private func membersNotify(_ notify: Int) -> Int {
        guard reportsExpansion else { return notify }
        let (never, success) = (1, 2)
        return notify == success ? never : notify & ~success
    }

    private func sendForwards() async {
        guard !forwards.isEmpty else { return }
        let forward = ForwardRequest(
            original: request, sender: forwardSender ?? request.sender, recipients: forwards,
            deliveredTo: settings.deliveredToFor.contains("forward") ? recipient.address : "")
        do {
            switch try await queue.call(forward) {
            case .accepted(let id): note(.sent("forwarded as \(id)", action: "expanded"), recipient)
            case .refused(let status, let reason): note(.failed(status, reason), recipient)
            }
        } catch {
            context.log.warning("\(request.queueID): cannot forward: \(error)")
            note(.deferred("4.3.0", "unable to forward message"), recipient)
        }
    }

    /// Another delivery agent takes the recipient: `transport:nexthop`.
    func pass(to destination: String, _ recipient: DeliveryRecipient) async {
        let colon = destination.firstIndex(of: ":")
        let transport = String(colon.map { destination[..<$0] } ?? destination[...])
        var passed = request
        passed.service = transport
        passed.nexthop = colon.map { String(destination[destination.index(after: $0)...]) } ?? ""
        if passed.nexthop.isEmpty { passed.nexthop = EmailAddress.split(recipient.address).domain ?? "" }
        passed.recipients = [recipient]
        context.log.info("\(request.queueID): passing <\(recipient.address)> to transport=\(transport)")
        do {
            let report = try await agents(transport).call(passed)
            guard let result = report.results.first else { throw InternalProtocolError.connectionLost }
            // The agent has logged it.
            switch result.outcome {
            case .delivered: verdicts.append(.sent(result.reason, action: result.action))
            case .deferred: verdicts.append(.deferred(result.status, result.reason))
            case .bounced: verdicts.append(.bounced(result.status, result.reason))
            }
        } catch {
            context.log.warning("connect to transport private/\(transport): \(error)")
            note(.deferred("4.3.0", "unknown mail transport error"), recipient)
        }
    }

    private func run(_ command: String, _ place: Place, _ recipient: DeliveryRecipient) async {
        guard done.insert("command \(place.account?.name ?? "") \(command)").inserted else { return }
        guard settings.commandsAllowed.contains(place.source.rawValue) else {
            return note(.bounced("5.7.1", "mail to command is restricted"), recipient)
        }
        await run(command, identity: place.identity, account: place.account, recipient)
    }

    func run(
        _ command: String, identity: Spawn.Identity?, account: UserAccount?, _ recipient: DeliveryRecipient
    ) async {
        if reporter.isProbe { return note(.sent("delivers to command: \(command)"), recipient) }
        let (request, settings, context, file) = (request, settings, context, file)
        let runner = LocalCommand(
            command: command, identity: identity, account: account, recipient: recipient, request: request,
            settings: settings)
        let verdict = await context.pool.run { runner.run(file, context) }
        note(verdict, recipient)
    }

    private func append(_ path: String, _ place: Place, _ recipient: DeliveryRecipient) async {
        guard done.insert("file \(path)").inserted else { return }
        guard settings.filesAllowed.contains(place.source.rawValue) else {
            return note(.bounced("5.7.1", "mail to file is restricted"), recipient)
        }
        var target = path
        if path.hasPrefix("~/") {
            guard let account = place.account else {
                return note(.bounced("5.3.5", "mail system configuration error"), recipient)
            }
            target = account.home + path.dropFirst()
        }
        if reporter.isProbe { return note(.sent("delivers to file: \(target)"), recipient) }
        guard let identity = place.identity else { return note(.configurationError, recipient) }
        await LocalMailbox(delivery: self, recipient: recipient).append(toFile: target, identity: identity)
    }

    private func mailbox(_ account: UserAccount, _ recipient: DeliveryRecipient) async {
        await LocalMailbox(delivery: self, recipient: recipient).deliver(account)
    }
}
