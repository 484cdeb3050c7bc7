import MailSyntax

/// One destination of an alias or a .forward file: aliases(5).
enum LocalTarget: Sendable, Equatable {
    /// As written; a leading backslash is kept (`\name`: the mailbox, without aliases and .forward).
    case address(String)
    case command(String)
    case file(String)
    case include(String)

    /// The destinations of one line or table value, separated by commas.
    static func parse(_ text: String) -> [LocalTarget] {
        items(Array(text.utf8)).flatMap(target)
    }

    /// Splits at commas outside of quotes, comments and angle brackets.
    private static func items(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        var quoted = false
        var comment = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "\""): if comment == 0 { quoted.toggle() }
            case UInt8(ascii: "("): if !quoted { comment += 1 }
            case UInt8(ascii: ")"): if !quoted, comment > 0 { comment -= 1 }
            case UInt8(ascii: ","):
                if !quoted, comment == 0 {
                    found.append(bytes[start..<index])
                    start = index + 1
                }
            default: break
            }
            index += 1
        }
        found.append(bytes[start...])
        return found.map(trim).filter { !$0.isEmpty }
    }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
        var slice = bytes.drop(while: isSpace)
        while let last = slice.last, isSpace(last) { slice.removeLast() }
        return slice
    }

    private static func target(_ item: ArraySlice<UInt8>) -> [LocalTarget] {
        let raw = String(decoding: item, as: UTF8.self)
        // `|"command with arguments"` is as good as `"|command with arguments"`.
        if item.first == UInt8(ascii: "|") { return [.command(plain(String(raw.dropFirst())))] }
        let text = plain(raw)
        if text.hasPrefix("|") { return [.command(String(text.dropFirst()))] }
        if text.hasPrefix("/") || text.hasPrefix("~/") { return [.file(text)] }
        let include = ":include:"
        if ASCII.lowercased(String(text.prefix(include.count))) == include {
            return [.include(plain(String(text.dropFirst(include.count))))]
        }
        if raw.hasPrefix("\\") { return [.address(raw)] }
        return AddressListParser.addresses(raw.utf8).filter { !$0.isEmpty }.map { .address($0) }
    }

    /// A wholly quoted item without its quotes.
    private static func plain(_ text: String) -> String {
        let slice = trim(Array(text.utf8)[...])
        guard slice.count >= 2, slice.first == UInt8(ascii: "\""), slice.last == UInt8(ascii: "\"") else {
            return String(decoding: slice, as: UTF8.self)
        }
        var output: [UInt8] = []
        var rest = slice.dropFirst().dropLast()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let next = rest.popFirst() {
                output.append(next)
            } else {
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The lines of a .forward or :include: file: comments and empty lines go, a line that begins with white space
    /// continues the one before.
    static func parse(file bytes: [UInt8]) -> [LocalTarget] {
        var lines: [String] = []
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            guard let first = line.first, first != UInt8(ascii: "#") else { continue }
            let text = String(decoding: line, as: UTF8.self)
            if first == 0x20 || first == 0x09, let last = lines.popLast() {
                lines.append(last + text)
            } else {
                lines.append(text)
            }
        }
        return lines.flatMap(parse)
    }
}
