/// Every parameter of postconf(5), from the generated table: one registry for daemons, postconf and the manual.
public enum ParameterCatalogue {
    /// Sorted by name.
    public static let all: [ParameterDefinition] = load()

    /// The definition of `name`, nil for a name that Postfix does not know.
    public static func definition(_ name: String) -> ParameterDefinition? {
        guard let index = indices[name] else { return nil }
        return all[index]
    }

    private static let indices: [String: Int] = {
        var indices: [String: Int] = [:]
        indices.reserveCapacity(all.count)
        for (index, definition) in all.enumerated() { indices[definition.name] = index }
        return indices
    }()

    private static func load() -> [ParameterDefinition] {
        let implemented = ImplementedParameters.names
        var definitions: [ParameterDefinition] = []
        definitions.reserveCapacity(1000)
        for part in ParameterTable.parts {
            part.withUTF8Buffer { text in
                for line in text.split(separator: UInt8(ascii: "\n")) {
                    if let definition = parse(line, implemented) { definitions.append(definition) }
                }
            }
        }
        return definitions
    }

    private static func parse(_ line: UnsafeBufferPointer<UInt8>.SubSequence, _ implemented: Set<String>)
        -> ParameterDefinition?
    {
        let fields = line.split(separator: UInt8(ascii: "\t"), maxSplits: 8, omittingEmptySubsequences: false)
        guard fields.count == 9, let kind = fields[1].first, let life = fields[2].first else { return nil }
        let name = String(decoding: fields[0], as: UTF8.self)
        return ParameterDefinition(
            name: name, kind: Self.kind(kind), lifeCycle: lifeCycle(life),
            minimum: Int(String(decoding: fields[3], as: UTF8.self)),
            maximum: Int(String(decoding: fields[4], as: UTF8.self)),
            readers: String(decoding: fields[5], as: UTF8.self), form: String(decoding: fields[6], as: UTF8.self),
            since: String(decoding: fields[7], as: UTF8.self),
            defaultValue: String(decoding: fields[8], as: UTF8.self), isImplemented: implemented.contains(name))
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
