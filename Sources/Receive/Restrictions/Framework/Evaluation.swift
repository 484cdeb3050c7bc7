import MailSyntax

/// The state of one check: the lists of one command, run in order.
final class Evaluation {
    let environment: RestrictionEnvironment
    let facts: SessionFacts
    /// What the list that runs now is about.
    var subject: Subject
    var verdict = RestrictionVerdict.accept
    /// The reply that stands for an acceptance, and the one that stands for a later permanent refusal.
    var deferIfPermit: ServerReply?
    var deferIfReject: ServerReply?
    /// Refusals are only logged: the restriction follows warn_if_reject.
    var onlyWarn = false
    /// smtpd_log_access_permit_actions is about access restrictions only.
    var logsPermits = true
    /// The recipient was looked up in the tables of its class.
    var recipientListed = false
    var senderListed = false
    /// Lists inside lists: classes and access table results.
    var depth = 0

    private var resolutions: [String: AddressClassification?] = [:]

    var settings: RestrictionSettings { environment.settings }

    init(_ environment: RestrictionEnvironment, _ facts: SessionFacts) {
        self.environment = environment
        self.facts = facts
        subject = Subject(name: facts.client.nameAndAddress, label: Subject.clientLabel)
    }

    // MARK: Refusing

    /// Refuses, or warns only.
    func refuse(_ code: Int, _ status: String, _ text: String) -> Outcome {
        refuse(RestrictionReplies.reply(code, status, text))
    }

    func refuse(_ reply: ServerReply) -> Outcome {
        if onlyWarn {
            log("reject_warning", (settings.softBounce ? reply.softened : reply).text)
            return .dunno
        }
        if reply.isPermanent, let pending = deferIfReject { return .refuse(pending) }
        return .refuse(reply)
    }

    func misconfigured(_ warning: String) -> Outcome {
        warn(warning)
        return .refuse(RestrictionReplies.configuration)
    }

    /// A table could not answer: the mail waits.
    func tableFailed(_ name: String) -> Outcome { .refuse(RestrictionReplies.temporaryLookup(name)) }

    /// The reply for the case that everything else permits. The first reason wins.
    func deferUnlessRejected(_ code: Int, _ status: String, _ text: String) -> Outcome {
        // warn_if_reject: a warning takes its place.
        if onlyWarn { return refuse(code, status, text) }
        if deferIfPermit == nil { deferIfPermit = RestrictionReplies.reply(code, status, text) }
        return .dunno
    }

    /// The reply for the case that something else refuses permanently.
    func deferIfRejected(_ code: Int, _ status: String, _ text: String) -> Outcome {
        if !onlyWarn, deferIfReject == nil { deferIfReject = RestrictionReplies.reply(code, status, text) }
        return .dunno
    }

    /// The DNS or a similar service could not answer: what `…_tempfail_action` says.
    func temporarilyFailed(_ action: TemporaryFailureAction, _ status: String, _ text: String) -> Outcome {
        switch action {
        case .deferIfPermit: deferUnlessRejected(450, status, text)
        case .refuse: refuse(450, status, text)
        }
    }

    // MARK: Logging

    func log(_ verb: String, _ text: String) {
        verdict.events.append(RestrictionEvent(verb: verb, text: RestrictionReplies.printable(text)))
    }

    func warn(_ text: String) { verdict.warnings.append(text) }

    /// smtpd_sasl_auth_enable is off.
    func ignoreWithoutSASL(_ restriction: String) {
        warn("restriction `\(restriction)' ignored: no SASL support")
    }

    // MARK: What more than one restriction asks

    /// The class of an address, once per check; nil when a table could not answer.
    func classify(_ address: String) async -> AddressClassification? {
        if let known = resolutions[address] { return known }
        let found = await environment.classifier.classify(address, sender: facts.sender ?? "")
        resolutions[address] = .some(found)
        return found
    }
}
