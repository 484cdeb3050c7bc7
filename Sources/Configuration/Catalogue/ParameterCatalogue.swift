/// Every parameter of postconf(5), from the generated table: one registry for daemons, postconf and the manual.
public enum ParameterCatalogue {
    /// Sorted by name.
    public static let all: [ParameterDefinition] = load()

    /// The definition of `name`, nil for a name that Postfix does not know.
    ///
    /// Looks into the text: a command that needs ten parameters does not parse a thousand first.
    public static func definition(_ name: String) -> ParameterDefinition? {
        var name = name
        return name.withUTF8 { name in
            for part in ParameterTable.parts {
                let found = part.withUTF8Buffer { text in line(name, in: text).flatMap(parse) }
                if let found { return found }
            }
            return nil
        }
    }

    private typealias Line = UnsafeBufferPointer<UInt8>.SubSequence

    /// The line of `name`, by bisection: the lines are sorted by their names.
    private static func line(_ name: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>) -> Line? {
        let newline = UInt8(ascii: "\n")
        // Both are beginnings of lines, or the end.
        var low = 0
        var high = text.count
        while low < high {
            let middle = low + (high - low) / 2
            let start = text[low..<middle].lastIndex(of: newline).map { $0 + 1 } ?? low
            let end = text[middle...].firstIndex(of: newline) ?? text.count
            let line = text[start..<end]
            let other = line[..<(line.firstIndex(of: UInt8(ascii: "\t")) ?? end)]
            if name.elementsEqual(other) { return line }
            if name.lexicographicallyPrecedes(other) { high = start } else { low = min(end + 1, text.count) }
        }
        return nil
    }

    private static func load() -> [ParameterDefinition] {
        var definitions: [ParameterDefinition] = []
        definitions.reserveCapacity(1000)
        for part in ParameterTable.parts {
            part.withUTF8Buffer { text in
                for line in text.split(separator: UInt8(ascii: "\n")) {
                    if let definition = parse(line) { definitions.append(definition) }
                }
            }
        }
        return definitions
    }

    private static func parse(_ line: Line) -> ParameterDefinition? {
        let fields = line.split(separator: UInt8(ascii: "\t"), maxSplits: 8, omittingEmptySubsequences: false)
        guard fields.count == 9, let kind = fields[1].first, let life = fields[2].first else { return nil }
        return ParameterDefinition(
            name: String(decoding: fields[0], as: UTF8.self), kind: Self.kind(kind), lifeCycle: lifeCycle(life),
            minimum: Int(String(decoding: fields[3], as: UTF8.self)),
            maximum: Int(String(decoding: fields[4], as: UTF8.self)),
            readers: String(decoding: fields[5], as: UTF8.self), form: String(decoding: fields[6], as: UTF8.self),
            since: String(decoding: fields[7], as: UTF8.self),
            defaultValue: String(decoding: fields[8], as: UTF8.self))
    }

    private static func kind(_ letter: UInt8) -> ParameterDefinition.Kind {
        switch letter {
        case UInt8(ascii: "b"): .boolean
        case UInt8(ascii: "i"), UInt8(ascii: "l"): .integer
        case UInt8(ascii: "t"): .time
        case UInt8(ascii: "r"): .raw
        default: .string
        }
    }

    private static func lifeCycle(_ letter: UInt8) -> ParameterDefinition.LifeCycle {
        switch letter {
        case UInt8(ascii: "D"): .deprecated
        case UInt8(ascii: "O"): .obsolete
        case UInt8(ascii: "X"): .removed
        case UInt8(ascii: "S"): .system
        case UInt8(ascii: "T"): .template
        default: .current
        }
    }
}
