import MailSyntax

enum OctetPatternHarness {
    static func run(_ console: Console) async {
        for line in console.lines() {
            console.print("> \(line)")
            let fields = words(line)
            guard let text = fields.first, !text.hasPrefix("#") else { continue }
            var pattern: OctetPattern?
            do throws(OctetPattern.Problem) {
                let parsed = try OctetPattern(text)
                console.print("Code: \(parsed)")
                pattern = parsed
            } catch {
                console.print("Error: \(error.reason)")
            }
            for field in fields.dropFirst() {
                guard let address = IPAddress(field) else {
                    console.print("bad address syntax: \(field)")
                    continue
                }
                if let pattern { console.print("Match \(field): \(pattern.matches(address) ? "yes" : "no")") }
            }
        }
    }
}
