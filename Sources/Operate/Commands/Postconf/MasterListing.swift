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
        for request in options.operands {
            let parts = MasterPattern.parts(request)
            guard (1...limit).contains(parts.count) else {
                throw CommandFailure("-\(options.target.rawValue) option requires \(Self.forms[options.target] ?? "")")
            }
            if options.target == .masterFields, parts.count == 3, parts[2] != "*",
                !MasterEntry.fieldNames.contains(parts[2])
            {
                throw CommandFailure("invalid service attribute name: \"\(parts[2])\"")
            }
        }
        let requests = options.operands.isEmpty ? ["*"] : options.operands
        // In the order of the file, whatever the order of the requests.
        var matched: Set<Int> = []
        for entry in model.master {
            for (index, request) in requests.enumerated() where try show(entry, MasterPattern.parts(request)) {
                matched.insert(index)
            }
        }
        for (index, request) in options.operands.enumerated() where !matched.contains(index) {
            warn("unmatched request: \"\(request)\"")
        }
    }

    private static let forms: [PostconfOptions.Target: String] = [
        .masterEntries: "service_name[/type]", .masterFields: "service_name[/type[/field]]",
        .masterParameters: "service_name[/type[/parameter]]",
    ]

    /// Returns false when the entry has nothing that matches `service/type/name`.
    private func show(_ entry: MasterEntry, _ pattern: ArraySlice<String>) throws(CommandFailure) -> Bool {
        guard entry.matches(pattern.prefix(2)) else { return false }
        let item = pattern.count > 2 ? pattern[2] : "*"
        switch options.target {
        case .masterEntries: return try showEntry(entry)
        case .masterFields: return try showFields(entry, item)
        default: return try showParameters(entry, item)
        }
    }

    private func expanded(_ entry: MasterEntry) throws(CommandFailure) -> MasterEntry {
        guard options.expands else { return entry }
        let scope = model.scope(of: entry)
        var result = entry
        for (index, argument) in entry.arguments.enumerated() {
            guard case .override(let name, let value) = argument else { continue }
            result.arguments[index] = .override(name: name, value: try model.expand(value, in: scope))
        }
        return result
    }

    private func showEntry(_ entry: MasterEntry) throws(CommandFailure) -> Bool {
        let text = try expanded(entry).text(folded: options.folds && !options.json)
        output.write(
            options.json
                ? "{\(JSONText.string("\(entry.service)/\(entry.type)")): \(JSONText.string(text))}\n" : text + "\n")
        return true
    }

    private func showFields(_ entry: MasterEntry, _ item: String) throws(CommandFailure) -> Bool {
        let shown = try expanded(entry)
        var found = false
        for (index, name) in MasterEntry.fieldNames.enumerated() where item == "*" || item == name {
            found = true
            let path = "\(entry.service)/\(entry.type)/\(name)"
            if index == 7, !options.json, !options.hidesValues {
                let start = options.hidesNames ? shown.fields[7] : "\(path) = \(shown.fields[7])"
                output.write(shown.text(after: start, folded: options.folds) + "\n")
            } else {
                print(path, index == 7 ? shown.command : shown.fields[index])
            }
        }
        return found
    }

    private func showParameters(_ entry: MasterEntry, _ item: String) throws(CommandFailure) -> Bool {
        let scope = model.scope(of: entry)
        var found = false
        for (name, value) in try parameters(entry, item) {
            let shown = options.expands ? try model.expand(value, in: scope) : value
            print("\(entry.service)/\(entry.type)/\(name)", shown)
            found = true
        }
        return found
    }

    /// What the entry sets; with `-PP` every parameter as it is for this service.
    private func parameters(
        _ entry: MasterEntry, _ item: String
    ) throws(CommandFailure) -> [(name: String, value: String)] {
        let wanted: (String) -> Bool = { item == "*" || item == $0 }
        guard options.allServiceParameters else { return entry.overrides.filter { wanted($0.name) } }
        var own: [String: String] = [:]
        for (name, value) in entry.overrides { own[name] = value }
        var names = Set(model.names(classes: options.classes, explicitOnly: false))
        names.formUnion(own.keys)
        var result: [(name: String, value: String)] = []
        for name in model.sorted(names.filter(wanted)) {
            if let value = own[name] {
                result.append((name, value))
            } else {
                result.append((name, try model.value(name)))
            }
        }
        return result
    }

    private func print(_ name: String, _ value: String) {
        SettingOutput(options: options, output: output).print(name, value)
    }
}

/// `service/type/name`; a service's name may hold slashes only in unix endpoints with directories, which no pattern names.
enum MasterPattern {
    /// No parts where the first one is empty; other empty parts do not count.
    static func parts(_ request: String) -> ArraySlice<String> {
        request.utf8.first == UInt8(ascii: "/") ? [] : request.split(separator: "/").map(String.init)[...]
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
            output.write(empty ? "\(name) =\n" : FoldedText.text("\(name) =", value, folded: options.folds) + "\n")
        }
    }
}
