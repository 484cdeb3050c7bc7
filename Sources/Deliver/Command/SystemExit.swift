import MailSyntax

/// How a command's end becomes a delivery status: <sysexits.h> codes and Postfix's texts for them.
enum SystemExit {
    static let meanings: [Int: (status: String, text: String)] = [
        64: ("5.3.0", "command line usage error"),
        65: ("5.6.0", "data format error"),
        66: ("5.3.0", "cannot open input"),
        67: ("5.1.1", "user unknown"),
        68: ("5.1.2", "host name unknown"),
        69: ("5.3.0", "service unavailable"),
        70: ("5.3.0", "internal software error"),
        71: ("4.3.0", "system resource problem"),
        72: ("5.3.0", "critical OS file missing"),
        73: ("5.2.0", "can't create user output file"),
        74: ("5.3.0", "input/output error"),
        75: ("4.3.0", "temporary failure"),
        76: ("5.5.0", "remote error in protocol"),
        77: ("5.7.0", "permission denied"),
        78: ("5.3.5", "local configuration error"),
    ]

    /// Success texts show this much of the output.
    static let shownOfSuccess = 100

    /// - Parameters:
    ///   - command: as it stands in texts: the program of a pipe, the whole command of an alias.
    ///   - sent: text of a success.
    static func verdict(_ end: CommandEnd, command: String, sent: String, action: String) -> Verdict {
        let output = text(end.output)
        switch end.how {
        case .exited(0):
            let shown = trimmed(text(Array(end.output.prefix(shownOfSuccess))))
            return .sent(shown.isEmpty ? sent : "\(sent) (\(shown))", action: action)
        case .exited(let code):
            if let (status, rest) = EnhancedStatus.split(String(decoding: output.utf8, as: UTF8.self)),
                status.statusClass == 4 || status.statusClass == 5
            {
                return unix(.failed("\(status)", rest), trimmed(rest))
            }
            let (status, meaning) = meanings[code] ?? ("5.3.0", "Command died with status \(code): \"\(command)\"")
            return failure(status, meaning, output)
        case .killed(let signal):
            return failure("4.3.0", "Command died with signal \(signal): \"\(command)\"", output)
        case .timedOut:
            return failure("5.3.0", "Command time limit exceeded: \"\(command)\"", output)
        case .notStarted(let step, let reason):
            return failure("4.3.0", "temporary failure", "\(step): \(reason) ")
        case .corruptMessage:
            return .deferred("4.3.0", "queue file read error")
        }
    }

    private static func failure(_ status: String, _ meaning: String, _ output: String) -> Verdict {
        let text = output.isEmpty ? meaning : "\(meaning). Command output: \(output)"
        return unix(.failed(status, text), output.isEmpty ? meaning : trimmed(output))
    }

    private static func unix(_ verdict: Verdict, _ diagnostic: String) -> Verdict {
        var verdict = verdict
        verdict.diagnosticType = "x-unix"
        verdict.diagnosticText = diagnostic
        return verdict
    }

    /// Output on one line: line ends become blanks, other control characters `?`.
    static func text(_ output: [UInt8]) -> String {
        let bytes = output.map { byte in
            byte == UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte < 32 || byte == 127 ? UInt8(ascii: "?") : byte
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func trimmed(_ text: String) -> String {
        var slice = Substring(text)
        while slice.utf8.last == UInt8(ascii: " ") { slice.removeLast() }
        return String(slice)
    }
}
