import Configuration
import Lookup
import MailSyntax
import MailSystem
import Synchronization

/// A table of the named parameter could not answer.
struct RoutingFailure: Error {
    var parameter: String
}

/// Finds transport and next hop of a recipient (trivial-rewrite(8), ADDRESS_CLASS_README, transport(5)).
public final class AddressResolver: Sendable {
    /// Which settings apply: those of mail, or the address_verify_ ones of probes.
    public enum Purpose: Sendable {
        case delivery, verification
    }

    let hostName: String
    let operators: RoutingOperators
    public let rewriter: AddressRewriter
    let resolvesNullDomain: Bool
    let resolvesDequoted: Bool
    private let resolvesNumericDomain: Bool
    private let allowsMinus: Bool
    private let emptyRecipient: String
    private let localDomains: LocalDomains
    private let aliasDomains: DomainList
    private let mailboxDomains: DomainList
    private let relayDomains: DomainList
    private let relocated: AddressLookup
    private let selection: TransportSelection
    private let log: MailLog
    private let warned = Mutex<Set<String>>([])

    /// Opens the tables; do it before privileges are dropped.
    /// - Parameter log: under the tag of trivial-rewrite.
    public init(
        _ parameters: Parameters, opener: TableOpener, log: MailLog, purpose: Purpose = .delivery
    ) {
        hostName = parameters["myhostname"]
        operators = RoutingOperators(parameters)
        rewriter = AddressRewriter(parameters, log: log)
        resolvesNullDomain = parameters.bool("resolve_null_domain")
        resolvesDequoted = parameters.bool("resolve_dequoted_address")
        resolvesNumericDomain = parameters.bool("resolve_numeric_domain")
        allowsMinus = parameters.bool("allow_min_user")
        emptyRecipient = parameters["empty_address_recipient"]
        let local = LocalDomains(parameters, opener: opener)
        localDomains = local
        func domains(_ name: String) -> DomainList {
            DomainList(
                parameters[name], name: name, opener: opener,
                parentsMatch: ParentDomains.match(feature: name, in: parameters["parent_domain_matches_subdomains"]))
        }
        aliasDomains = domains("virtual_alias_domains")
        mailboxDomains = domains("virtual_mailbox_domains")
        relayDomains = domains("relay_domains")
        relocated = AddressLookup(
            maps: Maps("relocated_maps", of: parameters, opener: opener), delimiters: parameters["recipient_delimiter"],
            isLocal: { domain throws(LookupError) in try await local.mayOmitDomain(domain) })
        selection = TransportSelection(parameters, opener: opener, log: log, purpose: purpose)
        self.log = log
    }

    /// - Parameters:
    ///   - sender: envelope sender, for sender-dependent routing.
    ///   - recipient: internal form.
    public func resolve(sender: String, recipient: String) async -> Resolution {
        var result = Resolution(recipient: recipient, addressClass: .default)
        do throws(RoutingFailure) {
            try await resolve(sender: sender, recipient: recipient, &result)
        } catch {
            log.warning("\(error.parameter) lookup failure")
            result.problem = .lookupFailure(error.parameter)
            result.transport = ""
            result.nexthop = ""
        }
        return result
    }

    /// The class alone, for restrictions that ask whether a domain is this system's business.
    public func addressClass(of domain: String) async throws(LookupError) -> AddressClass {
        do throws(RoutingFailure) {
            return try await classify(domain)
        } catch {
            log.warning("\(error.parameter) lookup failure")
            throw LookupError(table: error.parameter, reason: "lookup failure")
        }
    }

    private func resolve(
        sender: String, recipient: String, _ result: inout Resolution
    ) async throws(RoutingFailure) {
        let (reduced, text) = try await reduce(recipient.isEmpty ? emptyRecipient : recipient)
        guard var parts = reduced else {
            result.recipient = text
            result.problem = .invalidAddress
            return
        }
        guard fixDomain(&parts) else {
            result.recipient = parts.address
            result.problem = .invalidAddress
            return
        }
        result.addressClass = try await classify(parts.domain)
        if parts.local.isEmpty, result.addressClass == .local { parts.local = emptyRecipient }
        result.recipient = parts.address
        result.isRouted = parts.isRouted
        if parts.local.utf8.first == 0x2D, !allowsMinus {
            result.problem = .invalidAddress
            return
        }
        let choice = try await selection.select(
            result.addressClass, recipient: result.recipient, domain: parts.domain, sender: sender)
        result.transport = choice.transport
        result.nexthop = choice.nexthop
        do {
            if let moved = try await relocated.find(result.recipient) {
                result.transport = "error"
                result.nexthop = "5.1.6 User has moved to \(moved.value)"
            }
        } catch {
            throw RoutingFailure(parameter: "relocated_maps")
        }
    }

    /// False when no mail can be sent to the domain.
    private func fixDomain(_ parts: inout RecipientParts) -> Bool {
        if parts.domain.utf8.first == 0x5B { return HostName.isValidLiteral(parts.domain) }
        if HostName.isValid(parts.domain) { return true }
        if !ASCII.isASCII(parts.domain) { return isPlausibleInternationalName(parts.domain) }
        guard resolvesNumericDomain, HostName.isValidAddress(parts.domain) else { return false }
        parts.domain = "[\(parts.domain)]"
        return true
    }

    /// U-labels: judged by their ASCII parts here, converted where DNS is asked.
    private func isPlausibleInternationalName(_ name: String) -> Bool {
        HostName.isValid(
            String(decoding: name.utf8.map { $0 < 0x80 ? $0 : UInt8(ascii: "x") }.prefix(255), as: UTF8.self))
    }

    func isLocal(_ domain: String) async throws(RoutingFailure) -> Bool {
        do {
            return try await localDomains.contains(domain)
        } catch {
            throw RoutingFailure(parameter: "mydestination")
        }
    }

    private func isListed(
        _ domain: String, _ list: DomainList, _ name: String
    ) async throws(RoutingFailure) -> Bool {
        if list.isEmpty { return false }
        do {
            return try await list.matches(domain)
        } catch {
            throw RoutingFailure(parameter: name)
        }
    }

    private func classify(_ domain: String) async throws(RoutingFailure) -> AddressClass {
        if try await isLocal(domain) {
            await lookForDouble(domain, "mydestination", aliasDomains, "virtual_alias_domains")
            await lookForDouble(domain, "mydestination", mailboxDomains, "virtual_mailbox_domains")
            return .local
        }
        if try await isListed(domain, aliasDomains, "virtual_alias_domains") {
            await lookForDouble(domain, "virtual_alias_domains", mailboxDomains, "virtual_mailbox_domains")
            await lookForDouble(domain, "virtual_alias_domains", relayDomains, "relay_domains")
            return .virtualAlias
        }
        if try await isListed(domain, mailboxDomains, "virtual_mailbox_domains") {
            await lookForDouble(domain, "virtual_mailbox_domains", relayDomains, "relay_domains")
            return .virtualMailbox
        }
        return try await isListed(domain, relayDomains, "relay_domains") ? .relay : .default
    }

    /// Only to warn: the class is known, and a table that fails changes nothing (its list has logged that).
    private func lookForDouble(_ domain: String, _ first: String, _ list: DomainList, _ second: String) async {
        if (try? await isListed(domain, list, second)) == true { warnAboutDouble(domain, first, second) }
    }

    /// Once a domain: a busy server would repeat it for every recipient.
    private func warnAboutDouble(_ domain: String, _ first: String, _ second: String) {
        let text = "do not list domain \(domain) in BOTH \(first) and \(second)"
        let maximumRemembered = 1000
        let isNew = warned.withLock { $0.count < maximumRemembered && $0.insert(text).inserted }
        if isNew { log.warning(text) }
    }
}
