import Configuration
import Lookup
import MailSyntax
import Routing

/// The tables and match lists that restrictions ask. All are opened when the service starts, before chroot.
struct RestrictionTables: Sendable {
    let mynetworks: NetworkList
    /// mynetworks with today's default of mynetworks_style; nil where main.cf has its own.
    let hostNetworks: NetworkList?
    let interfaces: Set<IPAddress>
    /// permit_mx_backup_networks
    let backupNetworks: NetworkList
    let relayCertificates: Maps
    let senderLogins: Maps
    let localRecipients: Maps
    let checksLocalRecipients: Bool
    let relayRecipients: Maps
    let virtualMailboxes: Maps
    let virtualAliases: Maps
    let recipientCanonical: Maps
    let senderCanonical: Maps
    let canonical: Maps
    let rblReplies: Maps
    let loggedPermits: StringList
    let localDomains: LocalDomains

    init(_ parameters: Parameters, opener: TableOpener) {
        let parents = parameters.list("parent_domain_matches_subdomains")
        mynetworks = NetworkList(
            parameters["mynetworks"], name: "mynetworks", opener: opener, parentsMatch: parents.contains("mynetworks"))
        hostNetworks =
            CompatibilityDefaults(parameters).trustsSubnets
            ? NetworkList(
                parameters.with(overrides: [("mynetworks_style", "host")])["mynetworks"], name: "mynetworks",
                opener: opener) : nil
        backupNetworks = NetworkList(
            parameters["permit_mx_backup_networks"], name: "permit_mx_backup_networks", opener: opener,
            parentsMatch: parents.contains("permit_mx_backup_networks"))
        interfaces = Set(parameters.interfaceAddresses.compactMap { IPAddress(bytes: $0) })
        func maps(_ name: String) -> Maps { Maps(parameters[name], opener: opener, options: .foldKeys) }
        relayCertificates = maps("relay_clientcerts")
        senderLogins = maps("smtpd_sender_login_maps")
        localRecipients = maps("local_recipient_maps")
        checksLocalRecipients = !parameters["local_recipient_maps"].isEmpty
        relayRecipients = maps("relay_recipient_maps")
        virtualMailboxes = maps("virtual_mailbox_maps")
        virtualAliases = maps("virtual_alias_maps")
        recipientCanonical = maps("recipient_canonical_maps")
        senderCanonical = maps("sender_canonical_maps")
        canonical = maps("canonical_maps")
        rblReplies = maps("rbl_reply_maps")
        loggedPermits = StringList(
            parameters["smtpd_log_access_permit_actions"], name: "smtpd_log_access_permit_actions", opener: opener)
        localDomains = LocalDomains(parameters, opener: opener)
    }
}
