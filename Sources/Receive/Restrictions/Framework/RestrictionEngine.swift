import Configuration
import DNS
import Lookup
import MailSystem
import Routing

/// The restriction lists of one smtpd service: SMTPD_ACCESS_README. Made once per generation of settings; checks only read.
public final class RestrictionEngine: RestrictionChecker {
    private let environment: RestrictionEnvironment
    private let client: RestrictionList
    private let helo: RestrictionList
    private let sender: RestrictionList
    private let relay: RestrictionList
    private let recipient: RestrictionList
    private let data: RestrictionList
    private let endOfData: RestrictionList
    private let etrn: RestrictionList
    private let localRewrite: LocalRewriteClients

    /// - Parameters:
    ///   - parameters: those of the service, with its overrides.
    ///   - opener: opens every table now, before chroot; failed look-ups are logged under its name.
    ///   - routing: says which addresses are ours.
    /// - Throws: see the other initialiser.
    public convenience init(
        parameters: Parameters, opener: TableOpener, resolver: any Resolver, routing: AddressResolver
    ) throws(ConfigurationError) {
        try self.init(
            parameters: parameters, opener: opener, resolver: resolver,
            classifier: RoutedClassifier(rewriter: routing.rewriter, resolver: routing))
    }

    /// - Throws: a list names an unknown restriction, misses an argument, or neither the relay nor the recipient list
    ///   keeps strangers from relaying.
    /// - Parameters:
    ///   - guardsRelay: insist on a guard.
    ///   - defersErrors: a list that is wrong refuses mail when it comes to its mistake, as Postfix does it.
    ///   - inert: restrictions that say nothing: what they would ask is not at hand.
    package init(
        parameters: Parameters, opener: TableOpener, resolver: any Resolver, classifier: any AddressClassifier,
        guardsRelay: Bool = true, defersErrors: Bool = false, inert: Set<String> = []
    ) throws(ConfigurationError) {
        let settings = RestrictionSettings(parameters)
        let compiler = RestrictionCompiler(
            parameters: parameters, settings: settings, opener: opener, defersErrors: defersErrors, inert: inert)
        client = try compiler.compile("smtpd_client_restrictions", mapRestriction: "check_client_access")
        helo = try compiler.compile("smtpd_helo_restrictions", mapRestriction: "check_helo_access")
        sender = try compiler.compile("smtpd_sender_restrictions", mapRestriction: "check_sender_access")
        relay = try compiler.compile("smtpd_relay_restrictions", mapRestriction: "check_recipient_access")
        recipient = try compiler.compile("smtpd_recipient_restrictions", mapRestriction: "check_recipient_access")
        data = try compiler.compile("smtpd_data_restrictions", mapRestriction: nil)
        endOfData = try compiler.compile("smtpd_end_of_data_restrictions", mapRestriction: nil)
        etrn = try compiler.compile("smtpd_etrn_restrictions", mapRestriction: "check_etrn_access")
        localRewrite = try LocalRewriteClients(parameters: parameters, opener: opener)
        if guardsRelay { try RelayGuard.check(parameters) }
        environment = RestrictionEnvironment(
            settings: settings, tables: RestrictionTables(parameters, opener: opener), resolver: resolver,
            classifier: classifier,
            results: AccessResultLists(
                parameters: parameters, settings: settings, classes: try compiler.compileClasses()),
            log: opener.log)
    }

    public func check(_ stage: RestrictionStage, _ facts: SessionFacts, _ memory: inout RestrictionMemory) async
        -> RestrictionVerdict
    {
        if memory.mail[Memory.discard] != nil { return .accept }
        let settings = environment.settings
        if settings.delayReject, stage == .connect || stage == .helo || stage == .mail { return .accept }
        let check = Evaluation(environment, facts)
        check.deferIfPermit = memory.session[Memory.client] ?? memory.session[Memory.helo] ?? memory.mail[Memory.sender]
        let outcome: Outcome
        switch stage {
        case .connect:
            check.deferIfPermit = nil
            outcome = await clientList(check)
            memory.session[Memory.client] = check.deferIfPermit
        case .helo:
            check.deferIfPermit = nil
            outcome = await heloList(check)
            memory.session[Memory.helo] = check.deferIfPermit
        case .mail:
            check.deferIfPermit = nil
            outcome = await senderList(check)
            memory.mail[Memory.sender] = check.deferIfPermit
        case .recipient: outcome = await settled(check, recipientStage(check))
        case .etrn: outcome = await settled(check, etrnStage(check))
        case .data:
            check.subject = Subject(name: "DATA", label: Subject.dataLabel)
            outcome = await settled(check, data.run(check))
        case .endOfData:
            check.subject = Subject(name: "END-OF-MESSAGE", label: Subject.endOfDataLabel)
            outcome = await settled(check, endOfData.run(check))
        }
        switch outcome {
        case .refuse(let reply): check.verdict.refusal = reply
        case .hangUp: check.verdict.hangUp = true
        case .dunno, .permit: break
        }
        if check.verdict.effects.discard { memory.mail[Memory.discard] = ServerReply(250, nil, "") }
        return check.verdict
    }

    public func headerRewriting(_ facts: SessionFacts) async -> HeaderRewriting {
        let check = Evaluation(environment, facts)
        check.logsPermits = false
        return await localRewrite.judge(check)
    }

    private enum Memory {
        static let client = "client"
        static let helo = "helo"
        static let sender = "sender"
        static let discard = "discard"
    }

    /// A pending defer_if_permit takes the place of an acceptance.
    private func settled(_ check: Evaluation, _ outcome: Outcome) -> Outcome {
        guard outcome == .permit || outcome == .dunno, !check.verdict.effects.discard, let pending = check.deferIfPermit
        else { return outcome }
        return .refuse(pending)
    }

    // MARK: Stages

    private func clientList(_ check: Evaluation) async -> Outcome {
        check.subject = Subject(name: check.facts.client.nameAndAddress, label: Subject.clientLabel)
        return await client.run(check)
    }

    private func heloList(_ check: Evaluation) async -> Outcome {
        guard let name = check.facts.helo else { return .dunno }
        check.subject = Subject(name: name, label: Subject.heloLabel)
        return await helo.run(check)
    }

    private func senderList(_ check: Evaluation) async -> Outcome {
        guard let address = check.facts.sender else { return .dunno }
        check.subject = Subject(name: address, label: Subject.senderLabel)
        let outcome = await sender.run(check)
        if outcome.isRefusal || check.verdict.effects.discard { return outcome }
        guard environment.settings.rejectUnlistedSender, !check.senderListed else { return outcome }
        let unlisted = await UnlistedAddress(role: .sender).evaluate(check)
        return unlisted.isRefusal ? unlisted : outcome
    }

    private func recipientStage(_ check: Evaluation) async -> Outcome {
        // RFC 5321 §4.5.1: mail for the bare postmaster is always taken.
        guard let address = check.facts.recipient, RestrictionNames.folded(address) != "postmaster" else {
            return .permit
        }
        if environment.settings.delayReject {
            for list in [clientList, heloList, senderList] {
                let outcome = await list(check)
                // It reaches as far as its own list; defer_if_permit reaches to the end.
                check.deferIfReject = nil
                if outcome.isRefusal || check.verdict.effects.discard { return outcome }
            }
        }
        let relayFirst = environment.settings.relayBeforeRecipient
        for isRelayList in [relayFirst, !relayFirst] {
            check.subject = Subject(name: address, label: Subject.recipientLabel)
            let decided = await (isRelayList ? relay : recipient).run(check)
            if decided.isRefusal, !isRelayList { CompatibilityNotes.recipientListCameFirst(check, address) }
            let outcome = settled(check, decided)
            if outcome.isRefusal || check.verdict.effects.discard { return outcome }
        }
        await CompatibilityNotes.relayListIsEmpty(check, address)
        guard environment.settings.rejectUnlistedRecipient, !check.recipientListed else { return .permit }
        return await UnlistedAddress(role: .recipient).evaluate(check)
    }

    private func etrnStage(_ check: Evaluation) async -> Outcome {
        if environment.settings.delayReject {
            for list in [clientList, heloList] {
                let outcome = await list(check)
                check.deferIfReject = nil
                if outcome.isRefusal { return outcome }
            }
        }
        check.subject = Subject(name: check.facts.etrnDomain ?? "", label: Subject.etrnLabel)
        return await etrn.run(check)
    }
}

extension Outcome {
    /// The command does not go on.
    var isRefusal: Bool {
        switch self {
        case .refuse, .hangUp: true
        case .dunno, .permit: false
        }
    }
}
