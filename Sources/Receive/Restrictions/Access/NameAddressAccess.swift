import Lookup

/// check_client_access, check_reverse_client_hostname_access: the name and its parents, then the address and its
/// networks.
struct ClientAccess: Restriction {
    let table: AccessTable
    let reverse: Bool

    func evaluate(_ check: Evaluation) async -> Outcome {
        let client = check.facts.client
        let name = reverse ? client.reverseName : client.name
        let label = reverse ? Subject.reverseClientLabel : Subject.clientLabel
        let subject = Subject(name: reverse ? name : client.nameAndAddress, label: label)
        let lookup = table.lookup
        return await table.act(check, subject: subject, key: name, okAllowed: !reverse) { () throws(LookupError) in
            if let value = try await lookup.find(domain: name) { return value }
            return reverse ? nil : try await lookup.find(address: client.address)
        }
    }
}

/// check_helo_access, check_etrn_access: a name and its parents.
struct DomainAccess: Restriction {
    enum Source: Sendable { case helo, etrn }

    let table: AccessTable
    let source: Source

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let name = source == .helo ? check.facts.helo : check.facts.etrnDomain else { return .dunno }
        let label = source == .helo ? Subject.heloLabel : Subject.etrnLabel
        let lookup = table.lookup
        return await table.act(check, subject: Subject(name: name, label: label), key: name) {
            () throws(LookupError) in try await lookup.find(domain: name)
        }
    }
}
