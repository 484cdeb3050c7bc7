/// Text for man(7).
enum Roff {
    /// One line of text with its marks: `bold` between backquotes, *italic* between asterisks, name(8) in bold.
    static func inline(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        var font: Character?
        while let character = rest.popFirst() {
            if character == "`" {
                font = font == nil ? "`" : nil
                result += font == nil ? "\\fR" : "\\fB"
            } else if font != "`", character == "*", font == "*" || rest.first?.isLetter == true {
                font = font == nil ? "*" : nil
                result += font == nil ? "\\fR" : "\\fI"
            } else {
                result += escape(character)
            }
        }
        if font != nil { result += "\\fR" }
        return font == nil ? references(result) : result
    }

    /// A whole line of text: one that would start with a control character is protected.
    static func line(_ text: String) -> String { protected(inline(text)) }

    /// Shown as it is.
    static func verbatim(_ text: String) -> String { protected(escaped(text)) }

    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text { result += escape(character) }
        return result
    }

    private static func protected(_ line: String) -> String {
        line.first == "." || line.first == "'" ? "\\&" + line : line
    }

    private static func escape(_ character: Character) -> String {
        switch character {
        case "\\": "\\e"
        case "-": "\\-"
        case "'": "\\(aq"
        case "`": "\\(ga"
        case "^": "\\(ha"
        case "~": "\\(ti"
        case "“": "\\(lq"
        case "”": "\\(rq"
        case "…": "..."
        default: String(character)
        }
    }

    /// `name(8)` outside of other marks: the name in bold.
    private static func references(_ text: String) -> String {
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for (index, word) in words.enumerated() {
            guard let open = word.firstIndex(of: "("), !word.contains("\\f"), word[..<open].first?.isLetter == true
            else { continue }
            let rest = word[open...].dropFirst()
            guard rest.first.map({ "158".contains($0) }) == true, rest.dropFirst().first == ")" else { continue }
            words[index] = "\\fB\(word[..<open])\\fR\(word[open...])"
        }
        return words.joined(separator: " ")
    }
}
