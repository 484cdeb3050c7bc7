import Configuration

/// One service of master.cf as text: postconf shows and edits entries that master itself might refuse.
struct MasterEntry {
    enum Argument {
        case word(String)
        /// `-v`, or `-o` without what belongs to it.
        case option(String)
        case override(name: String, value: String)
    }

    static let fieldNames = [
        "service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command",
    ]

    /// The first seven fields and the program's name.
    var fields: [String]
    var arguments: [Argument]

    var service: String { fields[0] }
    var type: String { fields[1] }

    /// Throws Postfix's words for what is wrong; `bad field count` needs a place before it.
    init(_ text: String) throws(CommandFailure) {
        let words = Self.words(text)
        guard words.count >= 8 else { throw CommandFailure("bad field count") }
        fields = Array(words[..<8])
        arguments = Self.arguments(words[8...])
        for (name, value) in zip(Self.fieldNames, fields) { try Self.check(name, value, in: text) }
    }

    static func check(_ field: String, _ value: String, in text: String) throws(CommandFailure) {
        let valid: Bool
        switch field {
        case "type": valid = ["inet", "unix", "fifo", "pass", "unix-dgram"].contains(value)
        case "private", "unprivileged", "chroot": valid = ["y", "n", "-"].contains(value)
        case "wakeup":
            let digits = value.utf8.last == UInt8(ascii: "?") ? value.utf8.dropLast() : value.utf8[...]
            valid = value == "-" || isNumber(digits)
        case "process_limit": valid = value == "-" || isNumber(value.utf8[...])
        default: valid = !value.isEmpty
        }
        if !valid { throw CommandFailure("invalid \(field) field \"\(value)\" in \"\(text)\"") }
    }

    private static func isNumber(_ text: Substring.UTF8View) -> Bool {
        !text.isEmpty && text.count < 10 && text.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    /// Words between white space; `{ }` keeps one together.
    static func words(_ text: String) -> [String] {
        ListSetting.split(text, separator: ListSetting.isSpace)
    }

    static func arguments(_ words: ArraySlice<String>) -> [Argument] {
        var result: [Argument] = []
        var rest = words
        var inOptions = true
        while let word = rest.popFirst() {
            guard inOptions, word.utf8.first == UInt8(ascii: "-"), word.utf8.count > 1, word != "--" else {
                inOptions = false
                result.append(.word(ListSetting.unbraced(word) ?? word))
                continue
            }
            // Letters up to `o`, whose value is the rest or the next word.
            guard let o = word.utf8.firstIndex(of: UInt8(ascii: "o")) else {
                result.append(.option(word))
                continue
            }
            let before = String(word[..<o])
            if before != "-" { result.append(.option(before)) }
            var value = String(word[word.utf8.index(after: o)...])
            if value.isEmpty {
                guard let next = rest.popFirst() else {
                    result.append(.option("-o"))
                    break
                }
                value = next
            }
            result.append(override(value))
        }
        return result
    }

    private static func override(_ text: String) -> Argument {
        let inner = ListSetting.unbraced(text) ?? text
        guard let (name, value) = try? SettingText.split(inner) else { return .option("-o \(text)") }
        return .override(name: name, value: value)
    }

    /// The overrides, of each name the last.
    var overrides: [(name: String, value: String)] {
        var values: [String: String] = [:]
        for case .override(let name, let value) in arguments { values[name] = value }
        return values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) }
    }

    func matches(_ pattern: ArraySlice<String>) -> Bool {
        zip(pattern, fields).allSatisfy { $0 == "*" || $0 == $1 }
    }

    // MARK: Text

    /// Each argument in its normal form, and whether it stands on a line of its own when folded.
    var argumentTexts: [(text: String, ownLine: Bool)] {
        arguments.map { argument in
            switch argument {
            case .word(let text): (text.utf8.contains(where: ListSetting.isSpace) ? "{\(text)}" : text, false)
            case .option(let text): (text, text.hasPrefix("-o "))
            case .override(let name, let value):
                value.utf8.contains(where: ListSetting.isSpace)
                    ? ("-o {\(name)=\(value)}", true) : ("-o \(name)=\(value)", true)
            }
        }
    }

    /// The program and its arguments on one line.
    var command: String { ([fields[7]] + argumentTexts.map(\.text)).joined(separator: " ") }

    private static let columns = [0, 11, 17, 25, 33, 41, 49, 57]

    /// The entry as `postconf -M` prints it: on one line, or with `-f` on several.
    func text(folded: Bool) -> String {
        var line = ""
        for (column, field) in zip(Self.columns, fields) {
            if column > 0 { line += String(repeating: " ", count: max(1, column - line.utf8.count)) }
            line += field
        }
        return text(after: line, folded: folded)
    }

    /// The arguments behind `line`.
    func text(after start: String, folded: Bool) -> String {
        if !folded { return ([start] + argumentTexts.map(\.text)).joined(separator: " ") }
        var line = start
        var result = ""
        var breakNext = false
        for (text, ownLine) in argumentTexts {
            if ownLine || breakNext || line.utf8.count + 1 + text.utf8.count >= FoldedText.width {
                result += line + "\n"
                line = "    " + text
            } else {
                line += " " + text
            }
            breakNext = ownLine
        }
        return result + line
    }
}

/// Lines no longer than a screen is wide.
enum FoldedText {
    static let width = 80

    /// White space becomes one blank between words; with `folded`, lines go on after four blanks.
    ///
    /// - Parameter start: `name =`, or nothing.
    static func text(_ start: String, _ value: String, folded: Bool) -> String {
        var words = value.utf8.split(whereSeparator: ListSetting.isSpace).map { String(Substring($0)) }
        if !start.isEmpty { words.insert(start, at: 0) }
        guard folded, var line = words.first else { return words.joined(separator: " ") }
        var result = ""
        for word in words.dropFirst() {
            if line.utf8.count + 1 + word.utf8.count > width {
                result += line + "\n"
                line = "    " + word
            } else {
                line += " " + word
            }
        }
        return result + line
    }
}
