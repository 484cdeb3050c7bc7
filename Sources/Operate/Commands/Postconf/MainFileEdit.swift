import Configuration

/// Sets, removes or comments out parameters of a main.cf; comments and the order of entries stay.
package enum MainFileEdit {
    /// As `postconf -e`: each setting takes the place of the old one, or goes to the end.
    package static func set(
        _ path: String, _ values: [(name: String, value: String)], warn: (String) -> Void = { _ in }
    ) throws(CommandFailure) {
        try run(path, .set, values, warn: warn)
    }

    /// As `postconf -#`: the defaults apply again.
    package static func comment(_ path: String, _ names: [String]) throws(CommandFailure) {
        try run(path, .comment, names.map { ($0, "") }, warn: { _ in })
    }

    static func run(
        _ path: String, _ edit: PostconfOptions.Edit, _ values: [(name: String, value: String)],
        warn: (String) -> Void
    ) throws(CommandFailure) {
        try ConfigurationFileEdit.run(path) { old throws(CommandFailure) in
            edited(old, edit, values, path: path, warn: warn)
        }
    }

    /// The text after the change. Pure.
    static func edited(
        _ old: [UInt8], _ edit: PostconfOptions.Edit, _ values: [(name: String, value: String)], path: String,
        warn: (String) -> Void
    ) -> [UInt8] {
        var wanted: [String: String] = [:]
        for (name, value) in values {
            if let earlier = wanted.updateValue(value, forKey: name) {
                warn("ignoring earlier request: '\(name) = \(earlier)'")
            }
        }
        var seen: [String: Int] = [:]
        var current: String?
        var new: [UInt8] = []
        for line in ConfigurationLine.split(old) {
            switch line.kind {
            case .other:
                new += line.text
                continue
            case .start:
                let found = Self.name(line.text)
                current = wanted[found] == nil ? nil : found
                if let current {
                    seen[current, default: 0] += 1
                    if edit == .set { new += Self.entry(current, wanted[current] ?? "") }
                }
            case .continuation: break
            }
            if current == nil {
                new += line.text
            } else if edit == .comment {
                new += [UInt8(ascii: "#")] + line.text
            }
        }
        for (name, count) in seen where count > 1 { warn("\(path): multiple entries for \"\(name)\"") }
        guard edit == .set else { return new }
        if let last = new.last, last != 0x0A { new.append(0x0A) }
        var added: Set<String> = []
        for (name, _) in values where seen[name] == nil && added.insert(name).inserted {
            new += Self.entry(name, wanted[name] ?? "")
        }
        return new
    }

    private static func name(_ line: ArraySlice<UInt8>) -> String {
        let start = line.drop(while: ListSetting.isSpace)
        return String(decoding: start.prefix { !ListSetting.isSpace($0) && $0 != UInt8(ascii: "=") }, as: UTF8.self)
    }

    private static func entry(_ name: String, _ value: String) -> [UInt8] {
        Array("\(name) = \(value)\n".utf8)
    }
}
