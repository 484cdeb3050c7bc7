/// `type:name`, as parameters and commands name a table.
public struct TableSpecification: Hashable, Sendable, CustomStringConvertible {
    public let type: String
    public let name: String

    public init(type: String, name: String) {
        self.type = type
        self.name = name
    }

    /// - Parameter defaultType: the type of a name without one; nil refuses such names.
    public init(_ text: String, defaultType: String? = nil) throws(TableOpenError) {
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            guard let defaultType else { throw TableOpenError.noType(text) }
            self.init(type: defaultType, name: text)
            return
        }
        let type = String(text[..<colon])
        let name = String(text[bytes.index(after: colon)...])
        if type.isEmpty || name.isEmpty { throw TableOpenError.noType(text) }
        self.init(type: type, name: name)
    }

    public var description: String { "\(type):\(name)" }
}

/// Why a table cannot be opened, in Postfix's words.
public struct TableOpenError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }

    static func noType(_ text: String) -> TableOpenError {
        TableOpenError("open dictionary: expecting \"type:name\" form instead of \"\(text)\"")
    }

    public var description: String { reason }
}
