/// Transports that main.cf names and master.cf does not have, or that run a program that is not there: mail for them
/// waits in the queue.
struct TransportCheck {
    let files: any DeepCheck.Files
    let master: MasterConfiguration

    func problems(_ parameters: Parameters) -> [ConfigurationDiagnostic] {
        var found: [ConfigurationDiagnostic] = []
        var used: Set<String> = []
        func look(_ name: String, _ parameters: Parameters) {
            guard let transport = Self.transport(parameters[name]) else { return }
            used.insert(transport)
            if parameters.isSet(name), service(transport) == nil { found.append(absence(transport, name, parameters)) }
        }
        for definition in ParameterCatalogue.all where Self.namesTransport(definition) {
            look(definition.name, parameters)
        }
        for service in master.services where !service.overrides.isEmpty {
            let own = service.parameters(parameters)
            for name in Set(service.overrides.map(\.name)).sorted()
            where ParameterCatalogue.definition(name).map(Self.namesTransport) ?? false {
                look(name, own)
            }
        }
        found += tableProblems(parameters, &used)
        for transport in used.sorted() {
            if let service = service(transport), service.program == "pipe" {
                found += pipeProblems(service, parameters)
            }
        }
        return found
    }

    private static func namesTransport(_ definition: ParameterDefinition) -> Bool {
        definition.form == "transport[:nexthop]" || definition.name == "content_filter"
    }

    /// Delivery agents answer on unix-domain endpoints.
    private func service(_ name: String) -> MasterService? {
        master.services.first { $0.name == name && $0.kind != .inet }
    }

    private func absence(_ transport: String, _ name: String, _ parameters: Parameters) -> ConfigurationDiagnostic {
        parameters.warning(
            name, "master.cf has no service \(transport): mail that needs it stays in the queue",
            cure: "add the service, or correct the name")
    }

    /// `transport:nexthop`, `transport`; nil for none.
    private static func transport(_ value: String) -> String? {
        let name = value.prefix { $0 != ":" && $0 != " " && $0 != "\t" }
        return name.isEmpty || name.hasPrefix("$") ? nil : String(name)
    }

    /// The values of transport(5) tables that can be listed.
    private func tableProblems(_ parameters: Parameters, _ used: inout Set<String>) -> [ConfigurationDiagnostic] {
        let name = "transport_maps"
        var missing: [String] = []
        for table in TableFileCheck.tables(parameters[name]) {
            for value in files.values("\(table.type):\(table.path)") {
                guard value.contains(":"), let transport = Self.transport(value) else { continue }
                used.insert(transport)
                if service(transport) == nil, !missing.contains(transport) { missing.append(transport) }
            }
        }
        return missing.map { absence($0, name, parameters) }
    }

    /// pipe(8): who runs what.
    private func pipeProblems(_ service: MasterService, _ parameters: Parameters) -> [ConfigurationDiagnostic] {
        func warn(_ text: String, _ cure: String) -> ConfigurationDiagnostic {
            ConfigurationDiagnostic(
                .warning, file: master.file, line: service.line, "service \(service.name): \(text)", cure: cure)
        }
        var found: [ConfigurationDiagnostic] = []
        for argument in service.arguments {
            if argument.hasPrefix("user=") {
                let user = String(argument.dropFirst(5).prefix { $0 != ":" })
                if !user.isEmpty, !user.contains("$"), !files.isUser(user) {
                    found.append(warn("there is no user \(user): mail for it stays in the queue", "make the user"))
                }
            } else if argument.hasPrefix("argv=") {
                let program = String(argument.dropFirst(5))
                if program.hasPrefix("/"), !program.contains("$"), !files.isProgram(program) {
                    found.append(
                        warn(
                            "\(program) cannot be run: mail for it stays in the queue",
                            "install it, or correct the path"))
                }
                // What follows is the program's.
                break
            }
        }
        return found
    }
}
