import MailSystem

/// Certificates and keys of a server: there, readable by their owner only, belonging together, and not about to end.
struct CertificateCheck {
    let files: any DeepCheck.Files
    /// When to say that a certificate ends soon.
    static let daysOfWarning = 14

    func problems(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        var found = chains(parameters)
        for kind in ["", "ec", "d", "ed25519"] {
            let name = "smtpd_tls_\(kind)cert_file"
            let path = parameters[name]
            guard !path.isEmpty, path != "none" else { continue }
            let keyName = "smtpd_tls_\(kind)key_file"
            let key = parameters[keyName]
            func warn(_ name: String, _ text: String, _ cure: String) {
                found.append(parameters.warning(name, text, cure: cure))
            }
            guard files.status(path) != nil else {
                warn(name, "\(path) does not exist: TLS is not offered", "put the certificate there")
                continue
            }
            guard let status = files.status(key) else {
                warn(keyName, "\(key) does not exist: TLS is not offered", "put the key there")
                continue
            }
            if key != path, status.mode & 0o004 != 0 {
                warn(keyName, "\(key): every user can read it", "chmod 600 \(key)")
            }
            guard let facts = files.certificate(path, key: key) else {
                warn(name, "\(path) or \(key) cannot be read: TLS is not offered", "use PEM files that root can read")
                continue
            }
            if !facts.matchesKey {
                warn(name, "\(path) does not belong to \(key): TLS is not offered", "use the key that it was made for")
            }
            if facts.daysLeft < 0 {
                warn(name, "\(path) has expired: clients that verify refuse it", "renew it")
            } else if facts.daysLeft < Self.daysOfWarning {
                warn(name, "\(path) expires in \(facts.daysLeft) days", "renew it")
            }
        }
        return found
    }

    /// TLS is asked for, and there is no certificate to offer it with.
    static func absence(
        _ service: MasterService, _ parameters: Parameters, file: String
    ) -> [ConfigurationDiagnostic] {
        let level = parameters["smtpd_tls_security_level"]
        let requires =
            level == "encrypt" || parameters.bool("smtpd_enforce_tls") || parameters.bool("smtpd_tls_wrappermode")
        guard requires || level == "may" || parameters.bool("smtpd_use_tls") else { return [] }
        let names = ["", "ec", "d", "ed25519"].map { "smtpd_tls_\($0)cert_file" } + ["smtpd_tls_chain_files"]
        // `none` is an administrator who wants anonymous ciphers.
        guard names.allSatisfy({ parameters[$0].isEmpty }) else { return [] }
        return [
            ConfigurationDiagnostic(
                .warning, file: file, line: service.line,
                "service \(service.name): TLS is \(requires ? "required" : "offered"), but no certificate is set: "
                    + (requires ? "no client can use the service" : "TLS is not offered"),
                cure: "set smtpd_tls_chain_files, or run postfix tls enable-server")
        ]
    }

    /// smtpd_tls_chain_files: a key and its certificates in one file, or in two that follow each other.
    private func chains(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        let name = "smtpd_tls_chain_files"
        let paths = parameters.list(name)
        return paths.enumerated().compactMap { index, path in
            guard files.status(path) != nil else {
                return parameters.warning(
                    name, "\(path) does not exist: TLS is not offered", cure: "put key and certificates there")
            }
            let separate = index > 0 ? files.certificate(path, key: paths[index - 1]) : nil
            guard let facts = files.certificate(path, key: path) ?? separate else {
                // A key alone, with its certificate in the next file.
                if index + 1 < paths.count, files.certificate(paths[index + 1], key: path) != nil { return nil }
                return parameters.warning(
                    name, "\(path) cannot be read: TLS is not offered",
                    cure: "put a key and its certificates there, in PEM")
            }
            if !facts.matchesKey {
                return parameters.warning(
                    name, "\(path): key and certificate do not belong together: TLS is not offered",
                    cure: "use the key that the certificate was made for")
            }
            if facts.daysLeft < 0 {
                return parameters.warning(
                    name, "\(path) has expired: clients that verify refuse it", cure: "renew it")
            }
            guard facts.daysLeft < Self.daysOfWarning else { return nil }
            return parameters.warning(name, "\(path) expires in \(facts.daysLeft) days", cure: "renew it")
        }
    }
}
