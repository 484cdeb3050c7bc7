import Configuration
import MailSystem

/// Finds names that nothing reads, names that nothing defines, and names that go out of use.
struct UsageCheck {
    private let model: PostconfModel
    private let mainPath: String
    private let masterPath: String
    private let warn: (String) -> Void
    /// main.cf names that main.cf or master.cf refer to.
    private var referred: Set<String> = []
    /// Names that a service's `-o` values refer to among its own settings, by service index.
    private var local: [Set<String>] = []

    init(_ model: PostconfModel, mainPath: String, masterPath: String, warn: @escaping (String) -> Void) {
        self.model = model
        self.mainPath = mainPath
        self.masterPath = masterPath
        self.warn = warn
    }

    /// Finds what is referred to and warns of what is not defined. Returns the user-defined names in use.
    mutating func scan() throws(CommandFailure) -> Set<String> {
        let names = model.parameters.namesSet
        let overridden = Set(model.master.flatMap { $0.overrides.map(\.name) })
        for name in names where !isRaw(name) {
            for reference in try references(model.parameters.raw(name) ?? "") {
                note(reference, elsewhere: overridden, path: mainPath)
            }
        }
        for item in classes(model.parameters.raw("smtpd_restriction_classes") ?? "", [:]) {
            note(item, elsewhere: overridden, path: mainPath)
        }
        for entry in model.master {
            let own = Set(entry.overrides.map(\.name))
            var used: Set<String> = []
            for (name, value) in entry.overrides where !isRaw(name) {
                for reference in try references(value) {
                    if own.contains(reference) {
                        used.insert(reference)
                    } else {
                        note(reference, elsewhere: [], path: masterPath)
                    }
                }
                if name == "smtpd_restriction_classes" {
                    let settings = Dictionary(entry.overrides.map { ($0.name, $0.value) }) { $1 }
                    for item in classes(value, settings) {
                        if own.contains(item) {
                            used.insert(item)
                        } else {
                            note(item, elsewhere: [], path: masterPath)
                        }
                    }
                }
            }
            local.append(used)
        }
        referred.formUnion(try DatabaseSettings(model, warn: warn).names())
        return referred.filter { model.parameters.isSet($0) && !model.isBuiltin($0) }
    }

    /// The names in smtpd_restriction_classes; what they refer to counts only where it is set.
    private func classes(_ text: String, _ overrides: [String: String]) -> [String] {
        func expand(_ text: String, depth: Int) throws(MacroError) -> String {
            guard depth < 20 else { throw MacroError(description: "too deep") }
            return try MacroText.expand(text) { (name) throws(MacroError) in
                guard let value = overrides[name] ?? model.parameters.raw(name) else { return nil }
                return try expand(value, depth: depth + 1)
            }
        }
        let expanded = (try? expand(text, depth: 0)) ?? ""
        return expanded.utf8.split { ListSetting.isSpace($0) || $0 == UInt8(ascii: ",") }.map { String(Substring($0)) }
    }

    /// A name that has a value that its program expands itself.
    private func isRaw(_ name: String) -> Bool { ParameterCatalogue.definition(name)?.kind == .raw }

    private mutating func note(_ name: String, elsewhere: Set<String>, path: String) {
        if model.parameters.isSet(name) || elsewhere.contains(name) {
            referred.insert(name)
        } else if !model.isDocumented(name) {
            warn("\(path): undefined parameter: \(name)")
        }
    }

    private func references(_ value: String) throws(CommandFailure) -> Set<String> {
        guard value.utf8.contains(UInt8(ascii: "$")) else { return [] }
        do {
            _ = try MacroText.expand(value) { _ in "" }
        } catch {
            warn(error.description)
            if error.description.hasPrefix("empty macro name") || error.description.hasPrefix("truncated macro") {
                return []
            }
            throw CommandFailure("macro processing error")
        }
        return Set(MacroText.names(in: value))
    }

    /// - Parameter main: main.cf's settings are looked at too, not only master.cf's.
    func warnOfUnused(main: Bool) {
        if main {
            for name in model.parameters.namesSet where !isUsed(name) {
                report(name, model.parameters.raw(name) ?? "", mainPath)
            }
            for name in model.parameters.namesSet { reportReadOnly(name, mainPath, model.parameters.raw(name) ?? "") }
        }
        for (entry, used) in zip(model.master, local) {
            for (name, value) in entry.overrides {
                reportReadOnly(name, masterPath, value)
                if !isUsed(name), !used.contains(name) { report(name, value, masterPath) }
            }
        }
    }

    private func isUsed(_ name: String) -> Bool {
        model.isBuiltin(name) || model.serviceDefaults[name] != nil || referred.contains(name)
            || Deprecations.isRemoved(name)
    }

    private func report(_ name: String, _ value: String, _ path: String) {
        warn("\(path): unused parameter: \(name)=\(value)")
    }

    private func reportReadOnly(_ name: String, _ path: String, _ value: String) {
        if ParameterCatalogue.definition(name)?.lifeCycle == .system {
            warn("\(path): read-only parameter assignment: \(name)=\(value)")
        }
    }

    /// Names that the next releases will not know.
    func warnOfDeprecated() {
        var any = false
        for name in model.parameters.namesSet { any = warnOfDeprecated(name, mainPath) || any }
        for entry in model.master {
            for (name, _) in entry.overrides { any = warnOfDeprecated(name, masterPath) || any }
        }
        if any { warn("See https://www.postfix.org/DEPRECATION_README.html for details") }
    }

    private func warnOfDeprecated(_ name: String, _ path: String) -> Bool {
        if let text = Deprecations.text(name) {
            warn("\(path): \(text)")
            return true
        }
        return false
    }
}
