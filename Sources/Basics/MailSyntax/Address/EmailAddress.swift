/// Helpers for envelope addresses in internal form: unquoted, as queue files store them, `"a b"@c` being `a b@c`.
public enum EmailAddress {
    /// Splits at the last `@`. Without one, the domain is nil.
    public static func split(_ address: String) -> (local: String, domain: String?) {
        guard let at = address.utf8.lastIndex(of: 0x40) else { return (address, nil) }
        return (String(address[..<at]), String(address[address.utf8.index(after: at)...]))
    }

    /// The domain after the last `@`, nil without one.
    public static func domain(_ address: String) -> String? { split(address).domain }

    /// How `quoted` sees an address that is not a plain `local@domain`.
    public struct Quoting: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Bytes above 127 need no quotes.
        public static let allows8bit = Quoting(rawValue: 1)
        /// `@` in the local part needs no quotes.
        public static let allowsAt = Quoting(rawValue: 2)
        /// There is no domain.
        public static let isLocalPart = Quoting(rawValue: 4)
    }

    /// The external form (RFC 5321 §4.1.2): the local part is quoted when it is not a dot-string. UTF-8 is left alone.
    /// The empty address stays empty.
    public static func quoted(_ internalForm: String, _ quoting: Quoting = .allows8bit) -> String {
        if internalForm.isEmpty { return "" }
        let (local, domain) = quoting.contains(.isLocalPart) ? (internalForm, nil) : split(internalForm)
        if isDotString(local, quoting) { return internalForm }
        let text = quotedString(local, escapes8bit: !quoting.contains(.allows8bit))
        return domain.map { text + "@" + $0 } ?? text
    }

    /// The internal form of an external address: quotes and backslashes of the local part go.
    public static func unquote(_ externalForm: String) -> String {
        let bytes = externalForm.utf8
        guard bytes.contains(where: { $0 == 0x22 || $0 == 0x5C }) else { return externalForm }
        var result: [UInt8] = []
        var inQuotes = false
        var escaped = false
        // The domain starts after the last @ that is not quoted; a domain literal may hold any character.
        var domainStart = bytes.endIndex
        for index in bytes.indices {
            let byte = bytes[index]
            if escaped {
                escaped = false
            } else if byte == 0x5C {
                escaped = true
            } else if byte == 0x22 {
                inQuotes.toggle()
            } else if byte == 0x40, !inQuotes {
                domainStart = index
            }
        }
        escaped = false
        for byte in bytes[..<domainStart] {
            if escaped {
                result.append(byte)
                escaped = false
            } else if byte == 0x5C {
                escaped = true
            } else if byte != 0x22 {
                result.append(byte)
            }
        }
        result += bytes[domainStart...]
        return String(decoding: result, as: UTF8.self)
    }

    /// Splits off an address extension as recipient_delimiter says: at the first delimiter that is neither the first
    /// character nor part of an exempt name (MAILER-DAEMON, double-bounce; with a `-` delimiter also `owner-…` and
    /// `…-request`).
    /// - Parameters:
    ///   - delimiters: the set of delimiter characters; empty: never split.
    ///   - doubleBounceSender: local part of double_bounce_sender.
    /// - Returns: `extension` without its delimiter.
    public static func splitExtension(
        _ local: String, delimiters: String, doubleBounceSender: String = "double-bounce"
    ) -> (user: String, extension: String?) {
        guard let (user, tail) = splitTail(local, delimiters: delimiters, doubleBounceSender: doubleBounceSender) else {
            return (local, nil)
        }
        return (user, String(decoding: tail.utf8.dropFirst(), as: UTF8.self))
    }

    /// As `splitExtension`, but the second part starts with the delimiter that was found.
    public static func splitTail(
        _ local: String, delimiters: String, doubleBounceSender: String = "double-bounce"
    ) -> (user: String, tail: String)? {
        let set = delimiters.utf8
        guard !set.isEmpty, let cut = local.utf8.firstIndex(where: { set.contains($0) }), cut > local.startIndex
        else { return nil }
        if ASCII.equalIgnoringCase(local, "mailer-daemon") || ASCII.equalIgnoringCase(local, doubleBounceSender) {
            return nil
        }
        if set.contains(0x2D) {
            if ASCII.hasPrefixIgnoringCase(local, "owner-") { return nil }
            let suffix = "-request".utf8
            if local.utf8.count > suffix.count, ASCII.equalIgnoringCase(local.utf8.suffix(suffix.count), suffix) {
                return nil
            }
        }
        return (String(local[..<cut]), String(local[cut...]))
    }

    /// True for atoms joined by single dots: needs no quotes.
    static func isDotString(_ local: String, _ quoting: Quoting = .allows8bit) -> Bool {
        var previous: UInt8 = 0x2E
        for byte in local.utf8 {
            if byte == 0x2E {
                if previous == 0x2E { return false }
            } else if ASCII.isControl(byte) || byte == 0x20
                || (isSpecial(byte) && !(byte == 0x40 && quoting.contains(.allowsAt)))
                || (byte > 0x7F && !quoting.contains(.allows8bit))
            {
                return false
            }
            previous = byte
        }
        return previous != 0x2E
    }

    static func quotedString(_ text: String, escapes8bit: Bool = false) -> String {
        var result: [UInt8] = [0x22]
        for byte in text.utf8 {
            if byte == 0x22 || byte == 0x5C || byte == 0x0D || byte == 0x0A || (escapes8bit && byte > 0x7F) {
                result.append(0x5C)
            }
            result.append(byte)
        }
        result.append(0x22)
        return String(decoding: result, as: UTF8.self)
    }

    /// The specials of RFC 822 §3.3 but the dot.
    static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x28, 0x29, 0x3C, 0x3E, 0x40, 0x2C, 0x3B, 0x3A, 0x5C, 0x22, 0x5B, 0x5D: true
        default: false
        }
    }
}
