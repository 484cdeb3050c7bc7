import Configuration
import MailSyntax

/// What to do when the DNS cannot answer.
enum TemporaryFailureAction: Sendable {
    case deferIfPermit
    /// 450 at once.
    case refuse

    init(_ text: String) { self = text == "defer_if_permit" ? .deferIfPermit : .refuse }
}

/// The parameters that restrictions read, digested once per generation: postconf(5).
struct RestrictionSettings: Sendable {
    let oldDefaults: CompatibilityDefaults
    let softBounce: Bool
    let delayReject: Bool
    let relayBeforeRecipient: Bool
    let rejectUnlistedRecipient: Bool
    let rejectUnlistedSender: Bool
    let showTableName: Bool
    let saslEnabled: Bool
    let nullLookupKey: String
    let recipientDelimiter: String
    let parentsMatchAccess: Bool
    let myhostname: String

    let accessRejectCode: Int
    let accessDeferCode: Int
    let deferCode: Int
    let rejectCode: Int
    let invalidHostnameCode: Int
    let rblRejectCode: Int
    let multiRecipientBounceCode: Int
    let nonFQDNCode: Int
    let plaintextCode: Int
    let relayCode: Int
    let unknownAddressCode: Int
    let unknownClientCode: Int
    let unknownHostnameCode: Int
    let unknownLocalCode: Int
    let unknownRelayCode: Int
    let unknownVirtualAliasCode: Int
    let unknownVirtualMailboxCode: Int

    let unknownAddressFailure: TemporaryFailureAction
    let unknownHostnameFailure: TemporaryFailureAction

    let defaultRBLReply: String
    let expansionFilter: Set<UInt8>

    init(_ parameters: Parameters) {
        oldDefaults = CompatibilityDefaults(parameters)
        softBounce = parameters.bool("soft_bounce")
        delayReject = parameters.bool("smtpd_delay_reject")
        relayBeforeRecipient = parameters.bool("smtpd_relay_before_recipient_restrictions")
        let overrides = parameters.list("receive_override_options")
        rejectUnlistedRecipient =
            parameters.bool("smtpd_reject_unlisted_recipient") && !overrides.contains("no_unknown_recipient_checks")
        rejectUnlistedSender = parameters.bool("smtpd_reject_unlisted_sender")
        showTableName = parameters.bool("show_user_unknown_table_name")
        saslEnabled = parameters.bool("smtpd_sasl_auth_enable")
        nullLookupKey = parameters["smtpd_null_access_lookup_key"]
        recipientDelimiter = parameters["recipient_delimiter"]
        parentsMatchAccess = parameters.list("parent_domain_matches_subdomains").contains("smtpd_access_maps")
        myhostname = parameters["myhostname"]
        accessRejectCode = parameters.int("access_map_reject_code")
        accessDeferCode = parameters.int("access_map_defer_code")
        deferCode = parameters.int("defer_code")
        rejectCode = parameters.int("reject_code")
        invalidHostnameCode = parameters.int("invalid_hostname_reject_code")
        rblRejectCode = parameters.int("maps_rbl_reject_code")
        multiRecipientBounceCode = parameters.int("multi_recipient_bounce_reject_code")
        nonFQDNCode = parameters.int("non_fqdn_reject_code")
        plaintextCode = parameters.int("plaintext_reject_code")
        relayCode = parameters.int("relay_domains_reject_code")
        unknownAddressCode = parameters.int("unknown_address_reject_code")
        unknownClientCode = parameters.int("unknown_client_reject_code")
        unknownHostnameCode = parameters.int("unknown_hostname_reject_code")
        unknownLocalCode = parameters.int("unknown_local_recipient_reject_code")
        unknownRelayCode = parameters.int("unknown_relay_recipient_reject_code")
        unknownVirtualAliasCode = parameters.int("unknown_virtual_alias_reject_code")
        unknownVirtualMailboxCode = parameters.int("unknown_virtual_mailbox_reject_code")
        unknownAddressFailure = TemporaryFailureAction(parameters["unknown_address_tempfail_action"])
        unknownHostnameFailure = TemporaryFailureAction(parameters["unknown_helo_hostname_tempfail_action"])
        defaultRBLReply = parameters["default_rbl_reply"]
        expansionFilter = Set(EscapedText.decode(parameters["smtpd_expansion_filter"]))
    }
}
