/// Attribute lists with numbers, binary data and tables of names, in the three forms of Postfix's internal protocols.
public enum AttributeStream {
    public enum Value: Equatable, Sendable {
        case number(Int)
        case bool(Bool)
        case string(String)
        case data([UInt8])
    }

    public enum Item: Equatable, Sendable {
        case value(name: String, Value)
        /// Between `{` and `}`.
        case hash([(name: String, value: String)])

        public static func == (left: Item, right: Item) -> Bool {
            switch (left, right) {
            case (.value(let a, let b), .value(let c, let d)): a == c && b == d
            case (.hash(let a), .hash(let b)): a.elementsEqual(b) { $0.name == $1.name && $0.value == $1.value }
            default: false
            }
        }
    }

    public enum Form: Sendable {
        /// `BASE64(name):BASE64(value)` lines.
        case base64
        /// Name and value, each ended by a NUL.
        case null
        /// `name=value` lines.
        case plain
    }

    private static let open: [UInt8] = [0x7B]
    private static let close: [UInt8] = [0x7D]

    public static func encode(_ items: [Item], as form: Form) -> [UInt8] {
        var output: [UInt8] = []
        for item in items {
            switch item {
            case .value(let name, let value): append(name, text(value, form), form, &output)
            case .hash(let members):
                append(mark: open, form, &output)
                for member in members { append(member.name, Array(member.value.utf8), form, &output) }
                append(mark: close, form, &output)
            }
        }
        output.append(form == .null ? 0 : 0x0A)
        return output
    }

    private static func text(_ value: Value, _ form: Form) -> [UInt8] {
        switch value {
        case .number(let number): Array(String(number).utf8)
        case .bool(let flag): Array((form == .plain ? "\(flag)" : flag ? "1" : "0").utf8)
        case .string(let text): Array(text.utf8)
        case .data(let bytes): form == .base64 ? bytes : Array(Base64.encode(bytes).utf8)
        }
    }

    private static func append(_ name: String, _ value: [UInt8], _ form: Form, _ output: inout [UInt8]) {
        switch form {
        case .base64: output += "\(Base64.encode(name.utf8)):\(Base64.encode(value))\n".utf8
        case .null: output += name.utf8 + [0] + value + [0]
        case .plain: output += name.utf8 + [0x3D] + value + [0x0A]
        }
    }

    private static func append(mark: [UInt8], _ form: Form, _ output: inout [UInt8]) {
        switch form {
        case .base64: output += "\(Base64.encode(mark))\n".utf8
        case .null: output += mark + [0]
        case .plain: output += mark + [0x0A, 0]
        }
    }

    /// What a list holds: names with their values as text (data decoded by the reader, who knows the type).
    public struct List: Sendable {
        public var values: [(name: String, value: [UInt8])] = []
        public var members: [(name: String, value: String)] = []
    }

    /// Reads one list at `index`, and moves past it. Nil when the bytes end first or are no list.
    public static func decode(_ bytes: [UInt8], at index: inout Int, as form: Form) -> List? {
        var reader = Reader(bytes: bytes, index: index, form: form)
        defer { index = reader.index }
        return reader.list()
    }

    private struct Reader {
        let bytes: [UInt8]
        var index: Int
        let form: Form

        private mutating func field() -> [UInt8]? {
            // A brace of the plain form leaves a NUL in front of what follows.
            while form == .plain, index < bytes.count, bytes[index] == 0 { index += 1 }
            let separator: UInt8 = form == .null ? 0 : 0x0A
            guard index < bytes.count, let end = bytes[index...].firstIndex(of: separator) else { return nil }
            defer { index = end + 1 }
            return Array(bytes[index..<end])
        }

        private enum Element {
            case end
            case mark([UInt8])
            case pair(String, [UInt8])
        }

        private mutating func element() -> Element? {
            guard let first = field() else { return nil }
            if first.isEmpty { return .end }
            switch form {
            case .null:
                if first == AttributeStream.open || first == AttributeStream.close { return .mark(first) }
                return field().map { .pair(String(decoding: first, as: UTF8.self), $0) }
            case .plain:
                guard let equals = first.firstIndex(of: 0x3D) else { return .mark(first) }
                return .pair(String(decoding: first[..<equals], as: UTF8.self), Array(first[(equals + 1)...]))
            case .base64:
                guard let colon = first.firstIndex(of: 0x3A) else { return Base64.decode(first).map { .mark($0) } }
                guard let name = Base64.decode(first[..<colon]), let value = Base64.decode(first[(colon + 1)...])
                else { return nil }
                return .pair(String(decoding: name, as: UTF8.self), value)
            }
        }

        mutating func list() -> List? {
            var list = List()
            var inHash = false
            while let element = element() {
                switch element {
                case .end: return inHash ? nil : list
                case .mark(let mark):
                    guard mark == (inHash ? AttributeStream.close : AttributeStream.open) else { return nil }
                    inHash.toggle()
                case .pair(let name, let value):
                    if inHash {
                        list.members.append((name, String(decoding: value, as: UTF8.self)))
                    } else {
                        list.values.append((name, value))
                    }
                }
            }
            return nil
        }
    }
}
