import Lookup

/// permit_mynetworks
struct PermitMyNetworks: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        let client = check.facts.client
        do {
            return try await check.environment.tables.mynetworks.matches(name: client.name, address: client.address)
                ? .permit : .dunno
        } catch {
            return check.tableFailed(check.subject.name)
        }
    }
}

/// permit_inet_interfaces: mail from this machine's own addresses.
struct PermitInetInterfaces: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = check.facts.client.ip else { return .dunno }
        return check.environment.tables.interfaces.contains(address.unmapped) ? .permit : .dunno
    }
}

/// permit_sasl_authenticated
struct PermitAuthenticated: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        check.facts.saslUsername != nil || check.facts.saslMethod != nil ? .permit : .dunno
    }
}

/// permit_tls_all_clientcerts, permit_tls_clientcerts
struct PermitCertificates: Restriction {
    /// Any trusted certificate will do; otherwise its fingerprint must be in relay_clientcerts.
    let any: Bool

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let tls = check.facts.tls else { return .dunno }
        if any { return tls.isTrusted ? .permit : .dunno }
        let maps = check.environment.tables.relayCertificates
        for fingerprint in [tls.publicKeyFingerprint, tls.fingerprint] where !fingerprint.isEmpty {
            do {
                if try await maps.find(fingerprint) != nil { return .permit }
            } catch {
                return check.tableFailed(check.subject.name)
            }
        }
        return .dunno
    }
}
