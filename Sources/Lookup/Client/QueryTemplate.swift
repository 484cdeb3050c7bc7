/// A text with `%s`, `%u`, `%d`, their capitals, `%1` to `%9` and `%%`: a query, or the format of results
/// (pgsql_table(5)).
struct QueryTemplate: Sendable {
    enum Part: Sendable {
        case text([UInt8])
        /// Of the value: whole, local part, domain.
        case value(Piece)
        /// Of the lookup key.
        case key(Piece)
        /// A component of the key's domain, 1 the most significant.
        case component(Int)
    }

    enum Piece: Sendable { case whole, user, domain }

    private let parts: [Part]

    /// Nil when a `%` is followed by something else than the above.
    ///
    /// - Parameter isQuery: the value of a query is the key.
    init?(_ text: String, isQuery: Bool) {
        var parts: [Part] = []
        var literal: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                literal.append(byte)
                continue
            }
            guard let letter = bytes.popFirst() else { return nil }
            if letter == UInt8(ascii: "%") {
                literal.append(letter)
                continue
            }
            guard let part = Self.part(letter, isQuery: isQuery) else { return nil }
            if !literal.isEmpty { parts.append(.text(literal)) }
            literal = []
            parts.append(part)
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
        self.parts = parts
    }

    private static func part(_ letter: UInt8, isQuery: Bool) -> Part? {
        switch letter {
        case UInt8(ascii: "s"): isQuery ? .key(.whole) : .value(.whole)
        case UInt8(ascii: "u"): isQuery ? .key(.user) : .value(.user)
        case UInt8(ascii: "d"): isQuery ? .key(.domain) : .value(.domain)
        case UInt8(ascii: "S"): .key(.whole)
        case UInt8(ascii: "U"): .key(.user)
        case UInt8(ascii: "D"): .key(.domain)
        case UInt8(ascii: "1")...UInt8(ascii: "9"): .component(Int(letter - UInt8(ascii: "0")))
        default: nil
        }
    }

    /// The text depends on the key, or on a part of it.
    var usesKey: Bool {
        parts.contains { part in
            if case .text = part { false } else { true }
        }
    }

    /// The template needs a part of the key, so that parts of a key are no keys for it.
    var needsPartOfKey: Bool {
        parts.contains { part in
            switch part {
            case .key(.user), .key(.domain), .component: true
            default: false
            }
        }
    }

    /// Whether the key has all that the template asks of it; without that there is no query.
    func accepts(_ key: AddressParts) -> Bool {
        parts.allSatisfy { part in
            switch part {
            case .key(let piece): key.has(piece)
            case .component(let number): key.components.count >= number
            case .text, .value: true
            }
        }
    }

    /// The text, or nil when the value lacks something that the template asks for.
    func expand(_ value: AddressParts, key: AddressParts, quote: ([UInt8]) -> [UInt8]) -> [UInt8]? {
        guard !value.whole.isEmpty else { return nil }
        var result: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .value(let piece):
                guard value.has(piece) else { return nil }
                result += quote(value[piece])
            case .key(let piece): result += quote(key[piece])
            case .component(let number):
                guard number <= key.components.count else { return nil }
                result += quote(Array(key.components[key.components.count - number]))
            }
        }
        return result
    }
}

/// An address, or another text, and its parts.
struct AddressParts: Sendable {
    let whole: [UInt8]
    /// What is before the last `@`; all of a text without one.
    let user: [UInt8]
    /// What is after the last `@`; nil without one.
    let domain: [UInt8]?
    let components: [ArraySlice<UInt8>]

    init(_ text: [UInt8]) {
        whole = text
        if let at = text.lastIndex(of: UInt8(ascii: "@")) {
            user = Array(text[..<at])
            let domain = Array(text[(at + 1)...])
            self.domain = domain
            components = domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: true)
        } else {
            user = text
            domain = nil
            components = []
        }
    }

    func has(_ piece: QueryTemplate.Piece) -> Bool {
        switch piece {
        case .whole: true
        case .user: domain == nil || !user.isEmpty
        case .domain: domain.map { !$0.isEmpty } ?? false
        }
    }

    subscript(_ piece: QueryTemplate.Piece) -> [UInt8] {
        switch piece {
        case .whole: whole
        case .user: user
        case .domain: domain ?? []
        }
    }
}
