import Configuration

/// Changes master.cf: `-M`, `-F` and `-P` with `name=value`, `-X` or `-#`. Comments and other entries stay as they are.
struct MasterEdit {
    let options: PostconfOptions
    let path: String
    let warn: (String) -> Void

    private struct Request {
        let text: String
        let pattern: ArraySlice<String>
        let value: String
        /// The new entry of `-M`.
        let entry: MasterEntry?
    }

    func run(_ edit: PostconfOptions.Edit) throws(CommandFailure) {
        if options.operands.isEmpty {
            throw CommandFailure(edit == .set ? "-e requires name=value argument" : "missing service argument")
        }
        if (edit == .comment && options.target != .masterEntries)
            || (edit == .exclude && options.target == .masterFields)
        {
            throw CommandFailure("with option -\(options.target.rawValue), do not specify -\(edit.rawValue)")
        }
        var requests: [Request] = []
        for operand in options.operands {
            if operand.utf8.contains(0x0A) {
                throw CommandFailure("-Me, -Fe, -Pe, -X, or -# accept no multi-line input")
            }
            if ListSetting.trimmed(operand[...]).hasPrefix("#") {
                throw CommandFailure("-Me, -Fe, -Pe, -X, or -# accept no comment input")
            }
            requests.append(try request(operand, edit))
        }
        try ConfigurationFileEdit.run(path) { old throws(CommandFailure) in try apply(edit, requests, old) }
    }

    private func request(_ operand: String, _ edit: PostconfOptions.Edit) throws(CommandFailure) -> Request {
        var name = operand
        var value = ""
        if edit == .set {
            do { (name, value) = try SettingText.split(operand) } catch {
                throw CommandFailure("\(error.text): \"\(operand)\"")
            }
        }
        let pattern = MasterPattern.parts(name)
        var entry: MasterEntry?
        switch options.target {
        case .masterEntries:
            guard pattern.count == 2 else { throw CommandFailure("-Me, -MX or -M# requires service_name/type") }
            if edit == .set {
                do { entry = try MasterEntry(value) } catch {
                    throw error.text == "bad field count" ? CommandFailure("bad field count: \"\(operand)\"") : error
                }
            }
        case .masterFields:
            guard pattern.count == 3 else {
                throw CommandFailure("-Fe or -FX requires service_name/type/field_name")
            }
            if pattern[2] == "*" { throw CommandFailure("-Fe does not accept wild-card field name") }
            guard MasterEntry.fieldNames.contains(pattern[2]) else {
                throw CommandFailure("invalid service attribute name: \"\(pattern[2])\"")
            }
            if pattern[2] != "command", value.utf8.contains(where: ListSetting.isSpace) {
                throw CommandFailure("-Fe does not accept whitespace in non-command field")
            }
        default:
            guard pattern.count == 3 else { throw CommandFailure("-Pe or -PX requires service_name/type/parameter") }
            if pattern[2] == "*" { throw CommandFailure("-Pe does not accept wild-card parameter name") }
            if value.utf8.contains(where: ListSetting.isSpace) {
                throw CommandFailure("-Pe does not accept whitespace in parameter value")
            }
        }
        return Request(text: operand, pattern: pattern, value: value, entry: entry)
    }

    private func apply(
        _ edit: PostconfOptions.Edit, _ requests: [Request], _ old: [UInt8]
    ) throws(CommandFailure) -> [UInt8] {
        let lines = ConfigurationLine.split(old)
        var new: [UInt8] = []
        var used: Set<Int> = []
        var index = 0
        var number = 1
        while index < lines.count {
            guard lines[index].kind != .other else {
                new += lines[index].text
                index += 1
                number += 1
                continue
            }
            var end = index + 1
            while end < lines.count, lines[end].kind != .start { end += 1 }
            let part = lines[index..<end]
            new += try edited(edit, part, number, requests, &used)
            number += part.count
            index = end
        }
        for (index, request) in requests.enumerated()
        where !used.contains(index) && (edit == .set || options.target == .masterParameters) {
            guard let entry = request.entry else {
                warn("unmatched service_name/type: \"\(request.text)\"")
                continue
            }
            if let last = new.last, last != 0x0A { new.append(0x0A) }
            new += Array((entry.text(folded: true) + "\n").utf8)
        }
        return new
    }

    /// The lines of one entry after all requests.
    private func edited(
        _ edit: PostconfOptions.Edit, _ lines: ArraySlice<ConfigurationLine>, _ number: Int, _ requests: [Request],
        _ used: inout Set<Int>
    ) throws(CommandFailure) -> [UInt8] {
        let head = MasterEntry.words(String(decoding: lines.first?.text ?? [], as: UTF8.self)).prefix(2)
        guard head.count == 2 else {
            throw CommandFailure("file \(path): line \(number): specify service name and type on the same line")
        }
        // Entries that stay as they are may be wrong.
        var old: MasterEntry?
        var touched = false
        var dropped = false
        for (index, request) in requests.enumerated() where matches(head, request) {
            touched = true
            if options.target != .masterEntries, old == nil {
                let text = lines.filter { $0.kind != .other }.flatMap { $0.text.map { $0 == 0x0A ? 0x20 : $0 } }
                old = try MasterText.entry(String(decoding: text, as: UTF8.self), path, number)
            }
            let isFirst = used.insert(index).inserted
            if let replacement = request.entry {
                // One new entry takes the place of all that the pattern matches.
                if !isFirst { dropped = true }
                old = replacement
            } else if var changed = old {
                if options.target == .masterFields {
                    try set(request.pattern[2], request.value, &changed)
                } else {
                    set(request.pattern[2], edit == .set ? request.value : nil, &changed)
                }
                old = changed
            }
        }
        if !touched { return lines.flatMap(\.text) }
        let comments = lines.filter { $0.kind == .other }.flatMap(\.text)
        if dropped || (options.target == .masterEntries && edit == .exclude) { return comments }
        if edit == .comment {
            return lines.flatMap { $0.kind == .other ? Array($0.text) : [UInt8(ascii: "#")] + $0.text }
        }
        let text = Array(((old?.text(folded: true) ?? "") + "\n").utf8)
        return options.target == .masterEntries ? text + comments : comments + text
    }

    /// A new entry also takes the place of the one with its own name and type.
    private func matches(_ head: ArraySlice<String>, _ request: Request) -> Bool {
        if zip(request.pattern, head).allSatisfy({ $0 == "*" || $0 == $1 }) { return true }
        guard let new = request.entry else { return false }
        return head.elementsEqual([new.service, new.type])
    }

    private func set(_ field: String, _ value: String, _ entry: inout MasterEntry) throws(CommandFailure) {
        guard let index = MasterEntry.fieldNames.firstIndex(of: field) else { return }
        guard index == 7 else {
            try MasterEntry.check(field, value, in: value)
            entry.fields[index] = value
            return
        }
        let words = MasterEntry.words(value)
        guard let program = words.first else { throw CommandFailure("invalid command field \"\" in \"\(value)\"") }
        entry.fields[7] = program
        entry.arguments = MasterEntry.arguments(words.dropFirst())
    }

    /// Sets or, with nil, removes `-o name=…`. A new setting goes before what is not an option.
    private func set(_ name: String, _ value: String?, _ entry: inout MasterEntry) {
        var arguments: [MasterEntry.Argument] = []
        var done = false
        for argument in entry.arguments {
            if case .override(name, _) = argument {
                if let value, !done { arguments.append(.override(name: name, value: value)) }
                done = true
            } else {
                arguments.append(argument)
            }
        }
        if !done, let value {
            let place = arguments.firstIndex { if case .word = $0 { true } else { false } } ?? arguments.endIndex
            arguments.insert(.override(name: name, value: value), at: place)
        }
        entry.arguments = arguments
    }
}
