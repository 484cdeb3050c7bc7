import MailSyntax

enum TokenHarness {
    /// The words of SMTP commands.
    static func command(_ console: Console) async {
        for line in console.lines() where !line.hasPrefix("#") {
            console.print(line)
            for token in SMTPTokenizer.tokens(line) {
                console.print("Token type:  \(token.isWellFormed ? "other" : "error")")
                console.print("Token value: \(token.text)")
            }
        }
    }

    private static let tokenLimit = 20

    /// Address lists of headers.
    static func address(_ console: Console) async {
        for record in console.logicalLines() {
            let tokens = AddressListParser.parse(record, limit: tokenLimit)
            console.print(">>>".utf8 + record + "<<<\n".utf8)
            console.print("Parse tree:")
            for token in tokens { show(token, 0, console) }
            console.print("")
            section("Internalized:", Array(AddressText.internalForm(tokens).utf8), console)
            for (title, separator) in [("no newlines inserted", UInt8(0x20)), ("newlines inserted", 0x0A)] {
                let elements = AddressText.headerLines(tokens, warn: console.log.warning)
                section(
                    "Externalized, \(title):", Array(elements.joined(separator: [0x2C, separator])), console)
            }
        }
    }

    private static func section(_ title: String, _ text: [UInt8], _ console: Console) {
        console.print(title)
        console.print(text + [0x0A])
    }

    private static func show(_ token: AddressToken, _ depth: Int, _ console: Console) {
        let indent = String(repeating: " ", count: 1 + 2 * depth)
        func line(_ word: String, _ text: [UInt8]) { console.print("\(indent)\(word) \"".utf8 + text + [0x22]) }
        switch token {
        case .atom(let text): line("atom", text)
        case .quoted(let text): line("quoted string", text)
        case .literal(let text): line("domain literal", text)
        case .comment(let text): line("comment", text)
        case .groupStart: line("group", [0x3A])
        case .op(let byte): line("OP", [byte])
        case .address(let tokens):
            console.print("\(indent)address")
            for token in tokens { show(token, depth + 1, console) }
        }
    }
}
