import MailSyntax

/// reject_non_fqdn_sender, reject_non_fqdn_recipient
struct NonFQDNAddress: Restriction {
    let role: AddressRole

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = role.nonEmptyAddress(check.facts) else { return .dunno }
        let domain = EmailAddress.domain(address) ?? ""
        if domain.utf8.first == UInt8(ascii: "[") { return .dunno }
        if QualifiedName.isFullyQualified(domain) { return .dunno }
        return check.refuse(
            check.settings.nonFQDNCode, "4.5.2",
            RestrictionReplies.rejected(
                Subject(name: address, label: role.label), "need fully-qualified address"))
    }
}

/// A valid host name of at least two labels.
enum QualifiedName {
    static func isFullyQualified(_ name: String) -> Bool {
        let bare = withoutFinalDot(name)
        // Names in UTF-8 (SMTPUTF8) are judged by their dots only.
        return bare.utf8.contains(UInt8(ascii: ".")) && (HostName.isValid(bare) || !ASCII.isASCII(bare))
    }

    static func withoutFinalDot(_ name: String) -> String {
        name.utf8.last == UInt8(ascii: ".") ? String(name.dropLast()) : name
    }
}
