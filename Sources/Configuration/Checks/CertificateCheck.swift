import MailSystem

/// Certificates and keys of a server or a client: there, readable by their owner only, belonging together, and not
/// about to end.
struct CertificateCheck {
    let files: any DeepCheck.Files
    /// When to say that a certificate ends soon.
    static let daysOfWarning = 14

    private let prefix: String
    private let parameters: Parameters

    /// - Parameter prefix: `smtpd`, `smtp` or `lmtp`.
    init(files: any DeepCheck.Files, prefix: String, parameters: Parameters) {
        self.files = files
        self.prefix = prefix
        self.parameters = parameters
    }

    private var consequence: String {
        prefix == "smtpd" ? "TLS is not offered" : "mail that needs TLS is deferred"
    }

    private func warning(_ name: String, _ text: String, _ cure: String) -> ConfigurationDiagnostic {
        parameters.warning(name, text, cure: cure)
    }

    func problems() -> [ConfigurationDiagnostic] {
        guard TLSUse(prefix, parameters).isOn else { return [] }
        var found = authorities() + keyExchange()
        let chains = "\(prefix)_tls_chain_files"
        if parameters.list(chains).isEmpty {
            for kind in ["", "ec", "d"] { found += pair(kind) }
            return found
        }
        return found + chainProblems(chains)
    }

    /// A certificate and its key, in one file or two.
    private func pair(_ kind: String) -> [ConfigurationDiagnostic] {
        let name = "\(prefix)_tls_\(kind)cert_file"
        let path = parameters[name]
        guard !path.isEmpty, path != "none" else { return [] }
        let keyName = "\(prefix)_tls_\(kind)key_file"
        let key = parameters[keyName].isEmpty ? path : parameters[keyName]
        guard files.status(path) != nil else {
            return [warning(name, "\(path) does not exist: \(consequence)", "put the certificate there")]
        }
        guard let status = files.status(key) else {
            return [warning(keyName, "\(key) does not exist: \(consequence)", "put the key there")]
        }
        var found: [ConfigurationDiagnostic] = []
        if status.mode & 0o004 != 0 {
            found.append(warning(keyName, "\(key): every user can read the key", "chmod 600 \(key)"))
        }
        guard let facts = files.certificate(path, key: key) else {
            let text = "\(path) or \(key) cannot be read: \(consequence)"
            return found + [warning(name, text, "use PEM files that root can read, with keys without a passphrase")]
        }
        if !facts.matchesKey {
            let text = "\(path) does not belong to \(key): \(consequence)"
            found.append(warning(name, text, "use the key that it was made for"))
        }
        return found + validity(name, path, facts.validity)
    }

    private func validity(_ name: String, _ path: String, _ validity: CertificateValidity) -> [ConfigurationDiagnostic]
    {
        if validity.daysLeft < 0 {
            return [warning(name, "\(path) has expired: those who verify it refuse it", "renew it")]
        }
        if !validity.hasBegun {
            return [
                warning(name, "\(path) is not valid yet: those who verify it refuse it", "correct the clock, or wait")
            ]
        }
        guard validity.daysLeft < Self.daysOfWarning else { return [] }
        return [warning(name, "\(path) expires in \(validity.daysLeft) days", "renew it")]
    }

    /// …_tls_chain_files: keys, each before its certificates; they may go on in the next file.
    private func chainProblems(_ name: String) -> [ConfigurationDiagnostic] {
        let paths = parameters.list(name)
        var found: [ConfigurationDiagnostic] = []
        for path in paths {
            guard let status = files.status(path) else {
                return found + [
                    warning(name, "\(path) does not exist: \(consequence)", "put keys and certificates there")
                ]
            }
            if status.mode & 0o004 != 0, files.holdsKey(path) {
                found.append(warning(name, "\(path): every user can read the key", "chmod 600 \(path)"))
            }
        }
        let chain = files.chain(paths)
        if let problem = chain.problem {
            found.append(
                warning(name, "\(problem): \(consequence)", "put each private key before its own certificate, in PEM"))
        }
        for (path, validity) in chain.certificates { found += self.validity(name, path, validity) }
        return found
    }

    private func keyExchange() -> [ConfigurationDiagnostic] {
        let name = "smtpd_tls_dh1024_param_file"
        let path = parameters[name]
        guard prefix == "smtpd", !path.isEmpty, path != "auto", files.status(path) == nil else { return [] }
        return [
            warning(
                name, "\(path) does not exist: OpenSSL chooses the parameters", "openssl dhparam -out \(path) 2048")
        ]
    }

    private func authorities() -> [ConfigurationDiagnostic] {
        ["\(prefix)_tls_CAfile", "\(prefix)_tls_CApath"].compactMap { name in
            let path = parameters[name]
            guard !path.isEmpty, files.status(path) == nil else { return nil }
            return warning(
                name, "\(path) does not exist: \(consequence)", "put the certificates there, or remove the setting")
        }
    }

    /// TLS is asked for, and there is no certificate to offer it with.
    static func absence(
        _ service: MasterService, _ parameters: Parameters, file: String
    ) -> [ConfigurationDiagnostic] {
        let use = TLSUse("smtpd", parameters)
        guard use.isOn else { return [] }
        let names = ["", "ec", "d"].map { "smtpd_tls_\($0)cert_file" } + ["smtpd_tls_chain_files"]
        // `none` is an administrator who wants anonymous ciphers.
        guard names.allSatisfy({ parameters[$0].isEmpty }) else { return [] }
        return [
            ConfigurationDiagnostic(
                .warning, file: file, line: service.line,
                "service \(service.name): TLS is \(use.isRequired ? "required" : "offered"), but no certificate is set: "
                    + (use.isRequired ? "no client can use the service" : "TLS is not offered"),
                cure: "set smtpd_tls_chain_files, or run postfix tls enable-server")
        ]
    }
}

/// What a service does about TLS: …_tls_security_level, and where that is empty the older settings (postconf(5)).
struct TLSUse {
    let isOn: Bool
    let isRequired: Bool

    init(_ prefix: String, _ parameters: Parameters) {
        let level = parameters["\(prefix)_tls_security_level"]
        let wraps = parameters.bool("\(prefix)_tls_wrappermode")
        if level.isEmpty {
            isRequired = wraps || parameters.bool("\(prefix)_enforce_tls")
            isOn = isRequired || parameters.bool("\(prefix)_use_tls")
        } else {
            isRequired = wraps || !["none", "may"].contains(level)
            isOn = isRequired || level == "may"
        }
    }
}
