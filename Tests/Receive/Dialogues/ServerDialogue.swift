import Glibc
import MailSystem

/// A script: `C:` lines are sent, `S:` lines are what the server must answer (`*` at the end: anything), `S: EOF` that it
/// closes. `C:` text knows `\n` (bare LF), `\r`, and a final `\c` (no CR LF). `# smtpd: name = value` are parameters.
struct ServerDialogue {
    enum Step: Equatable {
        case send(String)
        case expect(String)
    }

    var parameters: [String: String] = [:]
    var steps: [Step] = []

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# smtpd: ") {
                let parts = line.dropFirst(9).split(separator: "=", maxSplits: 1).map { Self.trimmed($0) }
                if parts.count == 2 { parameters[parts[0]] = parts[1] }
            } else if line.hasPrefix("C: ") || line == "C:" {
                steps.append(.send(Self.unescaped(line.dropFirst(3))))
            } else if line.hasPrefix("S: ") {
                steps.append(.expect(String(line.dropFirst(3))))
            }
        }
    }

    static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }

    private static func unescaped(_ text: Substring) -> String {
        var result = ""
        var rest = text
        while let character = rest.popFirst() {
            guard character == "\\", let next = rest.popFirst() else {
                result.append(character)
                continue
            }
            switch next {
            case "n": result.append("\n")
            case "r": result.append("\r")
            case "c": return result
            default: result.append(next)
            }
        }
        return result + "\r\n"
    }

    /// Plays the script. - Returns: where the answers differ, one line each.
    func play(port: Int) throws -> [String] {
        let client = try LoopbackClient(port: port)
        var differences: [String] = []
        var last = "greeting"
        for step in steps {
            switch step {
            case .send(let text):
                client.send(text)
                last = text
            case .expect(let wanted):
                let line = client.line() ?? "EOF"
                let matches = wanted.hasSuffix("*") ? line.hasPrefix(wanted.dropLast()) : line == wanted
                if !matches { differences.append("after \(last): wanted \(wanted), got \(line)") }
                if line == "EOF" { return differences }
            }
        }
        return differences
    }

    /// All scripts beside this file, by name.
    static let names = [
        "basics", "addresses", "parameters", "order", "recipients", "chunks", "limits", "endings", "bare-newlines",
        "pipelining", "keywords", "xclient", "xforward", "command-filter", "verp",
    ]

    static func named(_ name: String, file: String = #filePath) throws -> ServerDialogue {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return ServerDialogue(
            String(decoding: try Files.read("\(folder)/Scripts/\(name).txt", limit: 1 << 20), as: UTF8.self))
    }
}
