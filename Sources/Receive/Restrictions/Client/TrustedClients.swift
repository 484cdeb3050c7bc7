import Lookup

/// permit_mynetworks
struct PermitMyNetworks: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        let client = check.facts.client
        do {
            let networks = check.environment.tables.mynetworks
            guard try await networks.matches(name: client.name, address: client.address) else { return .dunno }
            await CompatibilityNotes.subnetIsTrusted(check)
            return await check.permitClient("permit_mynetworks")
        } catch {
            return check.tableFailed(check.subject.name)
        }
    }
}

/// permit_inet_interfaces: mail from this machine's own addresses.
struct PermitInetInterfaces: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let address = check.facts.client.ip else { return .dunno }
        guard check.environment.tables.interfaces.contains(address.unmapped) else { return .dunno }
        return await check.permitClient("permit_inet_interfaces")
    }
}

/// permit_sasl_authenticated
struct PermitAuthenticated: Restriction {
    func evaluate(_ check: Evaluation) async -> Outcome {
        guard check.facts.saslUsername != nil || check.facts.saslMethod != nil else { return .dunno }
        return await check.permitClient("permit_sasl_authenticated")
    }
}

/// permit_tls_all_clientcerts, permit_tls_clientcerts
struct PermitCertificates: Restriction {
    /// Any trusted certificate will do; otherwise its fingerprint must be in relay_clientcerts.
    let any: Bool

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let tls = check.facts.tls else { return .dunno }
        if any { return tls.isTrusted ? await check.permitClient("permit_tls_all_clientcerts") : .dunno }
        let maps = check.environment.tables.relayCertificates
        CompatibilityNotes.digestIsOld(check)
        for fingerprint in [tls.publicKeyFingerprint, tls.fingerprint] where !fingerprint.isEmpty {
            do {
                if try await maps.find(fingerprint) != nil {
                    return await check.permitClient("permit_tls_clientcerts")
                }
            } catch {
                return check.tableFailed(check.subject.name)
            }
        }
        return .dunno
    }
}
