import Configuration
import MailSyntax

/// `postconf -M`, `-F` and `-P` without changes.
struct MasterListing {
    let options: PostconfOptions
    let model: PostconfModel
    let output: StandardOutput
    let warn: (String) -> Void

    func run() throws(CommandFailure) {
        let limit = options.target == .masterEntries ? 2 : 3
        for request in options.operands where request.split(separator: "/").count > limit {
            let form = limit == 2 ? "service_name[/type]" : "service_name[/type[/name]]"
            throw CommandFailure("-\(options.target.rawValue) option requires \(form)")
        }
        let requests = options.operands.isEmpty ? ["*"] : options.operands
        for request in requests where !show(request) { warn("unmatched request: \"\(request)\"") }
    }

    /// Returns false when nothing matches `service/type/name`.
    private func show(_ request: String) -> Bool {
        let pattern = MasterPattern.parts(request)
        var found = false
        for entry in model.master where entry.matches(pattern.prefix(2)) {
            let item = pattern.count > 2 ? pattern[2] : "*"
            switch options.target {
            case .masterEntries: found = showEntry(entry) || found
            case .masterFields: found = showFields(entry, item) || found
            default: found = showParameters(entry, item) || found
            }
        }
        return found || (request == "*" && options.operands.isEmpty)
    }

    private func expanded(_ entry: MasterEntry) -> MasterEntry {
        guard options.expands else { return entry }
        let scope = model.scope(of: entry)
        var result = entry
        result.arguments = entry.arguments.map { argument in
            guard case .override(let name, let value) = argument else { return argument }
            return .override(name: name, value: model.expand(value, of: name, in: scope))
        }
        return result
    }

    private func showEntry(_ entry: MasterEntry) -> Bool {
        let text = expanded(entry).text(folded: options.folds && !options.json)
        output.write(
            options.json
                ? "{\(JSONText.string("\(entry.service)/\(entry.type)")): \(JSONText.string(text))}\n" : text + "\n")
        return true
    }

    private func showFields(_ entry: MasterEntry, _ item: String) -> Bool {
        let shown = expanded(entry)
        var found = false
        for (index, name) in MasterEntry.fieldNames.enumerated() where item == "*" || item == name {
            let value = index == 7 ? shown.command : shown.fields[index]
            print("\(entry.service)/\(entry.type)/\(name)", value)
            found = true
        }
        return found
    }

    private func showParameters(_ entry: MasterEntry, _ item: String) -> Bool {
        let scope = model.scope(of: entry)
        var found = false
        for (name, value) in parameters(entry, item) {
            let shown = options.expands ? model.expand(value, of: name, in: scope) : value
            print("\(entry.service)/\(entry.type)/\(name)", shown)
            found = true
        }
        return found
    }

    /// What the entry sets; with `-PP` every parameter as it is for this service.
    private func parameters(_ entry: MasterEntry, _ item: String) -> [(name: String, value: String)] {
        let wanted: (String) -> Bool = { item == "*" || item == $0 }
        guard options.allServiceParameters else { return entry.overrides.filter { wanted($0.name) } }
        var own: [String: String] = [:]
        for (name, value) in entry.overrides { own[name] = value }
        var names = Set(model.names(classes: options.classes, explicitOnly: false))
        names.formUnion(own.keys)
        return model.sorted(names.filter(wanted)).map { ($0, own[$0] ?? model.value($0)) }
    }

    private func print(_ name: String, _ value: String) {
        SettingOutput(options: options, output: output).print(name, value)
    }
}

/// `service/type/name`; a service's name may hold slashes only in unix endpoints with directories, which no pattern names.
enum MasterPattern {
    static func parts(_ request: String) -> ArraySlice<String> {
        request.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)[...]
    }
}

/// `name = value` in the form that the options ask for.
struct SettingOutput {
    let options: PostconfOptions
    let output: StandardOutput

    func print(_ name: String, _ value: String) {
        if options.json {
            output.write("{\(JSONText.string(name)): \(JSONText.string(FoldedText.text("", value, folded: false)))}\n")
        } else if options.hidesValues {
            output.write(name + "\n")
        } else if options.hidesNames {
            output.write(FoldedText.text("", value, folded: options.folds) + "\n")
        } else {
            let empty = !value.utf8.contains { !ListSetting.isSpace($0) }
            output.write(empty ? "\(name) =\n" : FoldedText.text("\(name) = ", value, folded: options.folds) + "\n")
        }
    }
}
