import Configuration

/// Parameters as the manual shows them, from the catalogue.
enum ParameterTables {
    /// Those that one program of master.cf reads and Apus acts on.
    static func readBy(_ program: String) -> [String] {
        let mine = ParameterCatalogue.all.filter {
            $0.isListed && $0.isImplemented && $0.readers.split(separator: ",").contains(Substring(program))
        }
        return mine.flatMap {
            [".TP", "\\fB\(escaped($0.name))\\fR", "\(kind($0)), default \(defaultText($0))"]
        }
    }

    /// All of postconf(5).
    static var catalogue: [String] {
        ParameterCatalogue.all.filter { $0.lifeCycle != .removed }.flatMap { [".SS \(escaped($0.name))"] + facts($0) }
    }

    private static func facts(_ definition: ParameterDefinition) -> [String] {
        var lines = ["Default: \(defaultText(definition)).", ".br", "Value: \(kind(definition))\(bounds(definition))."]
        if !definition.readers.isEmpty {
            let readers = definition.readers.split(separator: ",").joined(separator: ", ")
            lines += [".br", "Read by: \(escaped(readers == "ALL" ? "all programs" : readers))."]
        }
        lines += [".br", status(definition)]
        return lines
    }

    private static func defaultText(_ definition: ParameterDefinition) -> String {
        if !definition.defaultValue.isEmpty { return "\\fI\(escaped(definition.defaultValue))\\fR" }
        let computed = ["mydomain", "myhostname", "mynetworks"]
        return computed.contains(definition.name) ? "found from the machine" : "empty"
    }

    private static func kind(_ definition: ParameterDefinition) -> String {
        switch definition.kind {
        case .boolean: "yes or no"
        case .integer: "number"
        case .time: "time (unit without a letter: \(unit(definition.timeUnit)))"
        case .string, .raw: escaped(definition.form.isEmpty ? "text" : definition.form)
        }
    }

    private static func unit(_ letter: UInt8) -> String {
        switch letter {
        case UInt8(ascii: "w"): "weeks"
        case UInt8(ascii: "d"): "days"
        case UInt8(ascii: "h"): "hours"
        case UInt8(ascii: "m"): "minutes"
        default: "seconds"
        }
    }

    private static func bounds(_ definition: ParameterDefinition) -> String {
        guard definition.kind == .integer || definition.kind == .time else { return "" }
        let unit = definition.kind == .time ? " seconds" : ""
        switch (definition.minimum ?? 0, definition.maximum) {
        case (0, nil): return ""
        case (let low, nil): return ", at least \(low)\(unit)"
        case (let low, let high?): return ", from \(low) to \(high)\(unit)"
        }
    }

    private static func status(_ definition: ParameterDefinition) -> String {
        let acts = definition.isImplemented ? "Apus acts on it." : "Apus accepts it and does not act on it yet."
        switch definition.lifeCycle {
        case .deprecated: return "Deprecated: another parameter takes its place. \(acts)"
        case .obsolete: return "Obsolete: accepted without effect."
        case .system: return "Set by the program: not for main.cf."
        case .template:
            return "Stands for one parameter for each transport of master.cf, whose name replaces `transport'. \(acts)"
        default: return acts
        }
    }

    /// Long values may be broken behind punctuation.
    private static func escaped(_ text: String) -> String {
        guard text.utf8.count > 40 else { return Roff.escaped(text) }
        return text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            var parts = [""]
            for character in word {
                parts[parts.count - 1].append(character)
                if "/_%,:=}".contains(character) { parts.append("") }
            }
            return parts.map(Roff.escaped).joined(separator: "\\:")
        }.joined(separator: " ")
    }
}
