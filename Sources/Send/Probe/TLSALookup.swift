import DNS
import MailSystem
import TLS

/// TLSA records of a server (RFC 7672 §2.2).
struct TLSALookup {
    let resolver: any Resolver
    /// `-f`: also for a host whose addresses are not signed.
    let forcesInsecureHosts: Bool

    enum Outcome: Equatable {
        case found(DANEPolicy)
        case none
        /// The answer may not be trusted: nothing may be concluded from it.
        case unavailable(String)
    }

    /// - Parameter port: of the connection.
    func records(host: String, port: Int, otherNames: [String]) async -> Outcome {
        if !forcesInsecureHosts, !(await isSecure(host)) { return .none }
        let name = "_\(port)._tcp.\(host)"
        switch await resolver.query(name, .tlsa) {
        case .records(let records, let secure):
            guard secure else { return .none }
            let tlsa = records.compactMap { record -> TLSARecord? in
                guard case .tlsa(let usage, let selector, let matching, let data) = record.data else { return nil }
                return TLSARecord(usage: usage, selector: selector, matching: matching, data: data)
            }
            return .found(DANEPolicy(baseDomain: host, records: tlsa, otherNames: otherNames))
        case .noData, .noSuchDomain: return .none
        case .temporaryFailure(let text), .malformed(let text):
            return .unavailable("TLSA lookup error for \(name): \(text)")
        case .filtered, .filterFailure:
            return .unavailable("TLSA lookup error for \(name): the answer was filtered")
        }
    }

    private func isSecure(_ host: String) async -> Bool {
        for type in [RecordType.a, .aaaa] {
            if case .records(_, let secure) = await resolver.query(host, type) { return secure }
        }
        return false
    }
}
