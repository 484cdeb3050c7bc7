import Configuration

enum MacroHarness {
    static func expand(_ console: Console) async {
        var extensions = MacroText.Extensions()
        extensions.comparisons["length"] = { left, right in left.utf8.count - right.utf8.count }
        extensions.functions["test_named_fn"] = { "-=oO\($0)Oo=-" }
        blocks(extensions, console)
    }

    static func compatibilityLevel(_ console: Console) async {
        if console.arguments.first == "-x" { return blocks(MacroText.Extensions(), console) }
        for line in console.lines() {
            guard let level = CompatibilityLevel(line) else {
                console.log.warning("malformed compatibility level syntax: \"\(line)\"")
                continue
            }
            let code = "0x" + String(level.code, radix: 16)
            console.log.info("\(line) -> \(code)")
            console.log.info("\(code)->\(level)")
        }
    }

    /// Definitions, an empty line, patterns, an empty line …
    private static func blocks(_ extensions: MacroText.Extensions, _ console: Console) {
        var names: [String: String] = [:]
        var inPatterns = false
        for line in console.octetLines() {
            console.print("<< ".utf8 + line)
            if line.isEmpty {
                if inPatterns {
                    console.print("")
                    names = [:]
                }
                inPatterns.toggle()
            } else if inPatterns {
                let outcome = MacroText.evaluate(line, extensions: extensions) { (name) throws(MacroError) in
                    names[name]
                }
                if let error = outcome.error { console.log.warning(error.description) }
                let status = (outcome.error == nil ? 0 : 1) + (outcome.usesUndefined ? 2 : 0)
                console.print("stat=\(status) result=".utf8 + outcome.bytes)
            } else {
                define(String(decoding: line, as: UTF8.self), &names)
            }
        }
    }

    private static func define(_ line: String, _ names: inout [String: String]) {
        guard let end = line.firstIndex(where: { $0 == "=" || $0.isWhitespace }) else { return }
        let value = line[end...].drop { $0 == "=" || $0.isWhitespace }
        if !value.isEmpty { names[String(line[..<end])] = String(value) }
    }
}
