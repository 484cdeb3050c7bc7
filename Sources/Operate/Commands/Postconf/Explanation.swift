import Configuration
import MailSyntax

/// `postconf --explain NAME`: all that is known of a parameter, and how it came to its value.
struct Explanation {
    let model: PostconfModel
    let json: Bool

    /// Nil for a name that nothing knows.
    func text(_ name: String) -> String? {
        guard let facts = facts(name) else { return nil }
        if json {
            let members = facts.map {
                "\(JSONText.string($0.name.replacing(" ", with: "_"))): \(JSONText.string($0.value))"
            }
            return "{\"name\": \(JSONText.string(name)), \(members.joined(separator: ", "))}\n"
        }
        let width = (facts.map(\.name.utf8.count).max() ?? 0) + 2
        let lines = facts.map { fact in
            "    \(fact.name)\(String(repeating: " ", count: width - fact.name.utf8.count))\(fact.value.isEmpty ? "(empty)" : fact.value)\n"
        }
        return "\(name)\n\(lines.joined())"
    }

    private func facts(_ name: String) -> [(name: String, value: String)]? {
        let definition = ParameterCatalogue.definition(name)
        guard definition != nil || model.isKnown(name) || model.parameters.isSet(name) else { return nil }
        var facts: [(name: String, value: String)] = []
        if let definition {
            facts.append(("type", Self.kind(definition)))
            facts.append(("default", definition.defaultValue.isEmpty ? model.defaults[name] : definition.defaultValue))
            if let bounds = Self.bounds(definition) { facts.append(("bounds", bounds)) }
            facts.append(("readers", definition.readers == "ALL" ? "all programs" : definition.readers))
            facts.append(("since", Self.since(definition)))
            facts.append(("status", Self.status(definition)))
        } else if let value = model.serviceDefaults[name] {
            facts += [("type", "named after a service of master.cf"), ("default", value)]
        } else {
            facts.append(("type", "defined in main.cf"))
        }
        let raw = model.parameters.raw(name)
        if let raw {
            facts.append(("value", raw))
            if let place = model.parameters.place(of: name) {
                facts.append(("set in", place.line > 0 ? "\(place.file):\(place.line)" : "the command line"))
            }
        } else {
            facts.append(("set in", "nowhere: the default counts"))
        }
        let expanded = (try? model.parameters.expand(raw ?? definition?.defaultValue ?? "")) ?? "(cannot be expanded)"
        facts.append(("in force", expanded.isEmpty && raw == nil ? model.parameters[name] : expanded))
        let names = MacroText.names(in: raw ?? definition?.defaultValue ?? "")
        for other in Set(names).sorted() {
            facts.append(("$\(other)", model.parameters.value(other) ?? "(not defined)"))
        }
        for entry in model.master {
            for (other, value) in entry.overrides where other == name {
                facts.append(("in \(entry.service)/\(entry.type)", value))
            }
        }
        return facts
    }

    private static func kind(_ definition: ParameterDefinition) -> String {
        switch definition.kind {
        case .boolean: "yes or no"
        case .integer: "number"
        case .time: "time"
        case .string, .raw: definition.form.isEmpty ? "text" : definition.form
        }
    }

    private static func bounds(_ definition: ParameterDefinition) -> String? {
        let unit = definition.kind == .time ? " s" : definition.kind == .integer ? "" : " bytes"
        switch (definition.minimum, definition.maximum) {
        case (let low?, let high?): return "\(low) to \(high)\(unit)"
        case (let low?, nil) where low > 0: return "at least \(low)\(unit)"
        default: return nil
        }
    }

    private static func since(_ definition: ParameterDefinition) -> String {
        definition.since.hasPrefix("<=")
            ? "Postfix \(definition.since.dropFirst(2)) or earlier" : "Postfix \(definition.since)"
    }

    private static func status(_ definition: ParameterDefinition) -> String {
        let acts = definition.isImplemented ? "Apus acts on it" : "Apus does not act on it yet"
        switch definition.lifeCycle {
        case .deprecated: return "deprecated; \(acts)"
        case .obsolete: return "obsolete: without effect"
        case .removed: return "removed"
        case .system: return "set by the program"
        default: return acts
        }
    }
}
