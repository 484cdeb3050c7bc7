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
            for name in ["smtpd_milters"] + parameters.list("smtpd_restriction_classes") {
                found += Self.paths(parameters[name]).map { (name, $0) }
            }
            let path = parameters["smtpd_sasl_path"]
            if parameters.bool("smtpd_sasl_auth_enable"), parameters["smtpd_sasl_type"] == "dovecot" {
                found += (path.hasPrefix("/") ? [path] : Self.paths(path)).map { ("smtpd_sasl_path", $0) }
            }
            found += tables(["smtpd", "cleanup", "trivial-rewrite"], parameters, proxied: true)
        case "smtp", "lmtp":
            for name in Self.transports {
                let value = parameters[name]
                if value.hasPrefix("\(service.name):") { found += Self.paths(value).map { (name, $0) } }
            }
            for table in TableFileCheck.tables(parameters["transport_maps"]) {
                for value in files.values("\(table.type):\(table.path)") where value.hasPrefix("\(service.name):unix:/")
                {
                    found += Self.paths(value).map { ("transport_maps", $0) }
                }
            }
            found += tables([service.program], parameters, proxied: false)
        default: break
        }
        return found
    }

    private static let transports = [
        "local_transport", "virtual_transport", "mailbox_transport", "fallback_transport", "default_transport",
        "relay_transport", "content_filter",
    ]

    /// The sockets of tables that ask a server, of the parameters that some programs read.
    /// - Parameter proxied: the tables behind `proxy:` are asked outside the chroot.
    private func tables(
        _ programs: Set<String>, _ parameters: Parameters, proxied: Bool
    ) -> [(name: String, path: String)] {
        parameters.namesSet.flatMap { name -> [(String, String)] in
            guard let definition = ParameterCatalogue.definition(name),
                ["map", "match list", "restriction list"].contains(where: definition.form.contains),
                definition.readers.split(separator: ",").contains(where: { programs.contains(String($0)) })
            else { return [] }
            let value = ListSetting.split(parameters[name]).filter { !proxied || !$0.hasPrefix("proxy:") }
                .joined(separator: " ")
            var found = Self.paths(value).map { (name, $0) }
            for table in TableFileCheck.tables(value) where table.type == "mysql" || table.type == "pgsql" {
                let hosts = files.setting("hosts", in: table.path) ?? ""
                found += Self.paths(hosts).map { ("\(table.type):\(table.path)", $0) }
            }
            return found
        }
    }

    /// `unix:/path` anywhere in a value; `unix:passwd.byname` is a table, and `socketmap:unix:/path:name` has a name behind
    /// the path.
    static func paths(_ value: String) -> [String] {
        var found: [String] = []
        for word in value.utf8.split(whereSeparator: { ListSetting.isSpace($0) || "{},".utf8.contains($0) }) {
            var rest = Substring(word)
            while let colon = rest.firstIndex(of: ":") {
                let after = rest[rest.index(after: colon)...]
                if rest[..<colon] == "unix", after.hasPrefix("/") {
                    found.append(String(after.prefix { $0 != ":" }))
                    break
                }
                rest = after
            }
        }
        return found
    }
}
