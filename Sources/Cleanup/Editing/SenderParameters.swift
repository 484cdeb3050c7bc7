import MailSyntax

/// ESMTP parameters that a milter gives with an address: `RET=HDRS ENVID=x`, `NOTIFY=NEVER ORCPT=rfc822;x` (RFC 3461 §4).
/// What is malformed is reported and left out.
package struct EnvelopeParameters: Equatable, Sendable {
    /// Decoded; nil when not given.
    package var envelopeID: String?
    /// 1 full, 2 headers.
    package var dsnReturn: Int?
    /// `type;address`, decoded.
    package var originalRecipient: String?
    /// 1 never, 2 success, 4 failure, 8 delay.
    package var notify: Int?

    /// - Parameters:
    ///   - text: between white space.
    ///   - isSender: RET and ENVID, otherwise NOTIFY and ORCPT.
    package init(_ text: String, isSender: Bool, warn: (String) -> Void) {
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init) {
            guard take(word, isSender: isSender) else {
                warn("ignoring bad or unsupported ESMTP parameter: \(word)")
                continue
            }
        }
    }

    private mutating func take(_ word: String, isSender: Bool) -> Bool {
        guard let equals = word.firstIndex(of: "=") else { return false }
        let value = String(word[word.index(after: equals)...])
        switch (ASCII.uppercased(String(word[..<equals])), isSender) {
        case ("RET", true):
            switch ASCII.uppercased(value) {
            case "FULL": dsnReturn = 1
            case "HDRS": dsnReturn = 2
            default: return false
            }
        case ("ENVID", true):
            guard let decoded = Self.decoded(value) else { return false }
            envelopeID = decoded
        case ("ORCPT", false):
            guard let semicolon = value.firstIndex(of: ";"), semicolon > value.startIndex,
                let decoded = Self.decoded(String(value[value.index(after: semicolon)...])), !decoded.isEmpty
            else { return false }
            originalRecipient = "\(value[..<semicolon]);\(decoded)"
        case ("NOTIFY", false):
            var bits = 0
            for item in value.split(separator: ",") {
                let names = ["NEVER": 1, "SUCCESS": 2, "FAILURE": 4, "DELAY": 8]
                guard let bit = names[ASCII.uppercased(String(item))] else { return false }
                bits |= bit
            }
            guard bits != 0, bits == 1 || bits & 1 == 0 else { return false }
            notify = bits
        default: return false
        }
        return true
    }

    /// xtext that makes a line of a queue file: tabs and blanks may stand in it, other control characters may not.
    private static func decoded(_ text: String) -> String? {
        guard let decoded = XText.decode(text), decoded.utf8.allSatisfy({ $0 == 0x09 || !ASCII.isControl($0) }) else {
            return nil
        }
        return decoded
    }
}
