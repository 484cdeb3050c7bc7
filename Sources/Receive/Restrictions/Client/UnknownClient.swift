/// reject_unknown_client_hostname, reject_unknown_reverse_client_hostname
struct UnknownClient: Restriction {
    let reverse: Bool

    func evaluate(_ check: Evaluation) async -> Outcome {
        let client = check.facts.client
        let status = reverse ? client.reverseStatus : client.nameStatus
        let known = reverse ? status == .ok : status == .ok && client.name != "unknown"
        if known { return .dunno }
        return check.refuse(
            status == .temporary ? 450 : check.settings.unknownClientCode, reverse ? "4.7.1" : "4.7.25",
            reverse
                ? "Client host rejected: cannot find your reverse hostname, [\(client.address)]"
                : "Client host rejected: cannot find your hostname, [\(client.address)]")
    }
}
