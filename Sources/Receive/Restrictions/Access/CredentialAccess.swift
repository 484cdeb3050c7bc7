import Lookup

/// check_sasl_access: the login name.
struct LoginAccess: Restriction {
    let table: AccessTable

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard check.settings.saslEnabled else {
            check.ignoreWithoutSASL("check_sasl_access")
            return .dunno
        }
        guard let login = check.facts.saslUsername, !login.isEmpty else { return .dunno }
        let maps = table.maps
        return await table.act(check, subject: Subject(name: login, label: Subject.loginLabel), key: login) {
            () throws(LookupError) in try await maps.find(login)
        }
    }
}

/// check_ccert_access: the fingerprints of the client's certificate and of its key.
struct CertificateAccess: Restriction {
    let table: AccessTable

    func evaluate(_ check: Evaluation) async -> Outcome {
        guard let tls = check.facts.tls else { return .dunno }
        CompatibilityNotes.digestIsOld(check)
        for fingerprint in [tls.fingerprint, tls.publicKeyFingerprint] where !fingerprint.isEmpty {
            let maps = table.maps
            let subject = Subject(name: tls.subject, label: Subject.certificateLabel)
            let outcome = await table.act(check, subject: subject, key: fingerprint) { () throws(LookupError) in
                try await maps.find(fingerprint)
            }
            if outcome != .dunno { return outcome }
        }
        return .dunno
    }
}
