import Configuration

/// Changes settings in main.cf: `-e`, `-X`, `-#`. Comments and the order of entries stay.
struct MainEdit {
    let options: PostconfOptions
    let path: String
    let warn: (String) -> Void

    func run(_ edit: PostconfOptions.Edit) throws(CommandFailure) {
        if options.operands.isEmpty {
            throw CommandFailure(edit == .set ? "-e requires name=value argument" : "missing service argument")
        }
        var values: [(name: String, value: String)] = []
        for operand in options.operands {
            if operand.utf8.contains(0x0A) { throw CommandFailure("-e, -X, or -# accepts no multi-line input") }
            values.append(edit == .set ? try setting(operand) : (try name(operand, edit), ""))
        }
        try ConfigurationFileEdit.run(path) { old throws(CommandFailure) in apply(edit, values, old) }
    }

    private func setting(_ operand: String) throws(CommandFailure) -> (String, String) {
        do { return try SettingText.split(operand) } catch {
            throw CommandFailure("\(error.text): \"\(operand)\"")
        }
    }

    private func name(_ operand: String, _ edit: PostconfOptions.Edit) throws(CommandFailure) -> String {
        let name = ListSetting.trimmed(operand[...])
        if name.isEmpty || name.utf8.contains(where: ListSetting.isSpace) {
            throw CommandFailure("-\(edit.rawValue) requires a parameter name: \"\(operand)\"")
        }
        return name
    }

    private func apply(
        _ edit: PostconfOptions.Edit, _ values: [(name: String, value: String)], _ old: [UInt8]
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
