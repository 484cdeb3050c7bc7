import MailSystem

/// Sockets that a chrooted service is told to connect to and that are not below the queue directory, where it looks.
struct ChrootCheck {
    let files: any DeepCheck.Files
    let master: MasterConfiguration

    func problems(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        let root = parameters["queue_directory"]
        var found: [ConfigurationDiagnostic] = []
        for service in master.services where service.isChrooted {
            let own = service.parameters(parameters)
            for (name, path) in sockets(service, own) where files.status(root + path) == nil {
                found.append(
                    ConfigurationDiagnostic(
                        .warning, file: master.file, line: service.line,
                        "service \(service.name): chrooted, it looks for \(path) of \(name) below \(root), where it is not: what asks it is answered with a temporary error",
                        cure: "make the socket at \(root)\(path), or write n in the chroot column"))
            }
        }
        return found
    }

    /// Absolute paths of sockets, with the parameter that names each.
    private func sockets(_ service: MasterService, _ parameters: Parameters) -> [(name: String, path: String)] {
        var found: [(String, String)] = []
        switch service.program {
        case "smtpd":
            let lists = ["client", "helo", "sender", "relay", "recipient", "data", "end_of_data"].map {
                "smtpd_\($0)_restrictions"
            }
            for name in ["smtpd_milters"] + lists + parameters.list("smtpd_restriction_classes") {
                found += Self.paths(parameters[name]).map { (name, $0) }
            }
            let path = parameters["smtpd_sasl_path"]
            if parameters.bool("smtpd_sasl_auth_enable"), parameters["smtpd_sasl_type"] == "dovecot" {
                found += (path.hasPrefix("/") ? [path] : Self.paths(path)).map { ("smtpd_sasl_path", $0) }
            }
        case "lmtp":
            for name in [
                "local_transport", "virtual_transport", "mailbox_transport", "fallback_transport", "default_transport",
            ]
            where parameters[name].hasPrefix("\(service.name):") {
                found += Self.paths(parameters[name]).map { (name, $0) }
            }
        default: break
        }
        return found
    }

    /// `unix:/path` anywhere in a value; `unix:passwd.byname` is a table.
    static func paths(_ value: String) -> [String] {
        var found: [String] = []
        for word in value.utf8.split(whereSeparator: { ListSetting.isSpace($0) || "{},".utf8.contains($0) }) {
            var rest = Substring(word)
            while let colon = rest.firstIndex(of: ":") {
                let after = rest[rest.index(after: colon)...]
                if rest[..<colon].hasSuffix("unix"), after.hasPrefix("/") {
                    found.append(String(after))
                    break
                }
                rest = after
            }
        }
        return found
    }
}
