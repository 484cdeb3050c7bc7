import MailSyntax

enum QuotingHarness {
    static func run(_ console: Console) async {
        var last = ""
        for line in console.lines() {
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "quote": console.print("'\(parts[1])' quoted '\(EmailAddress.quoted(address(parts[1])))'")
            case "unquote": console.print("'\(parts[1])' unquoted '\(EmailAddress.unquote(address(parts[1])))'")
            case "quote_with_flags":
                let fields = parts[1].split(separator: " ", maxSplits: 1).map(String.init)
                guard fields.count == 2 else { continue }
                let names = fields[0].split(separator: "|").map(String.init)
                let result = EmailAddress.quoted(address(fields[1]), quoting(names))
                last = names.contains("append") ? last + result : result
                console.print("'\(fields[1])' quoted flags=\(fields[0]) '\(last)'")
            default: console.log.warning("unknown command: \(parts[0])")
            }
        }
    }

    private static func address(_ text: String) -> String { text == "<>" ? "" : text }

    private static func quoting(_ names: [String]) -> EmailAddress.Quoting {
        var quoting: EmailAddress.Quoting = []
        if names.contains("8bitclean") { quoting.insert(.allows8bit) }
        if names.contains("expose_at") { quoting.insert(.allowsAt) }
        if names.contains("bare_localpart") { quoting.insert(.isLocalPart) }
        return quoting
    }
}
