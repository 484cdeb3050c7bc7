import MailSyntax

/// The attributes of XCLIENT and XFORWARD (XCLIENT_README, XFORWARD_README).
enum ClientAttributes {
    static let client = ["NAME", "ADDR", "PROTO", "HELO", "REVERSE_NAME", "PORT", "LOGIN", "DESTADDR", "DESTPORT"]
    static let forward = ["NAME", "ADDR", "PROTO", "HELO", "SOURCE", "PORT", "IDENT"]
    static let maximumLength = 255

    struct Problem: Error {
        var reply: ServerReply

        init(_ text: String) { reply = ServerReply(501, "5.5.4", text) }

        static func syntax(_ name: String, _ value: String) -> Problem { Problem("Bad \(name) syntax: \(value)") }
    }

    struct Attribute: Equatable {
        /// In upper case.
        var name: String
        /// Decoded; nil for `[UNAVAILABLE]`.
        var value: String?
        /// `[TEMPUNAVAIL]`: the value is not known now.
        var isTemporary = false
    }

    /// - Parameter known: the names that the command takes.
    static func attribute(_ word: String, of command: String, known: [String]) throws(Problem) -> Attribute {
        guard let equals = word.utf8.firstIndex(of: 0x3D) else { throw Problem("Error: attribute=value expected") }
        let name = ASCII.uppercased(String(word[..<equals]))
        let raw = String(word[word.utf8.index(after: equals)...])
        if raw.utf8.count > maximumLength { throw Problem("Error: attribute value too long") }
        guard known.contains(name) else { throw Problem("Bad \(command) attribute name: \(word[..<equals])") }
        // Values that are no xtext are taken as they are.
        let value = XText.decode(raw) ?? raw
        if ASCII.equalIgnoringCase(value, "[UNAVAILABLE]") { return Attribute(name: name) }
        if ASCII.equalIgnoringCase(value, "[TEMPUNAVAIL]"), command == "XCLIENT", name.hasSuffix("NAME") {
            return Attribute(name: name, isTemporary: true)
        }
        return Attribute(name: name, value: value)
    }

    static func hostName(_ attribute: Attribute) throws(Problem) -> String? {
        guard let value = attribute.value else { return nil }
        guard HostName.isValid(value) else { throw .syntax(attribute.name, value) }
        return value
    }

    /// An IPv4 address, or an IPv6 address behind `IPV6:`.
    static func address(_ attribute: Attribute) throws(Problem) -> IPAddress? {
        guard let value = attribute.value else { return nil }
        guard HostName.isValidMailAddressLiteral(value),
            let address = IPAddress(ASCII.hasPrefixIgnoringCase(value, "ipv6:") ? String(value.dropFirst(5)) : value)
        else { throw .syntax(attribute.name, value) }
        return address
    }

    static func port(_ attribute: Attribute) throws(Problem) -> String? {
        guard let value = attribute.value else { return nil }
        guard (1...5).contains(value.utf8.count), value.utf8.allSatisfy(ASCII.isDigit) else {
            throw .syntax(attribute.name, value)
        }
        return value
    }

    /// Characters that would break log lines and headers become `?`.
    static func text(_ attribute: Attribute) -> String? { attribute.value.map(SMTPSession.cleaned) }
}
