/// One `name = value` of main.cf or of an override.
struct ParameterSetting: Sendable, Equatable {
    var name: String
    /// Unexpanded, without the white space around it.
    var value: String
    var file: String
    var line: Int
}

/// main.cf, parsed.
struct MainFile: Sendable {
    /// In the order of the file; of a name that stands twice, the last one in the place of the first.
    var settings: [ParameterSetting] = []
    var diagnostics: [ConfigurationDiagnostic] = []

    init() {}

    init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        var places: [String: Int] = [:]
        for line in LogicalLines.read(bytes) {
            if let warning = line.leadingSpaceWarning(file: file) {
                diagnostics.append(warning)
                continue
            }
            let pair: (name: String, value: String)
            do {
                pair = try NameValue.split(line.text)
            } catch {
                throw ConfigurationError("\(file), line \(line.line): \(error.description): \"\(line.text)\"")
            }
            let setting = ParameterSetting(name: pair.name, value: pair.value, file: file, line: line.line)
            if let place = places[pair.name] {
                if settings[place].value.utf8.elementsEqual(pair.value.utf8) { continue }
                diagnostics.append(
                    ConfigurationDiagnostic(
                        .warning, file: file, line: line.line,
                        "overriding earlier entry: \(pair.name)=\(settings[place].value)", cure: "remove one of the two"
                    ))
                settings[place] = setting
            } else {
                places[pair.name] = settings.count
                settings.append(setting)
            }
        }
    }
}

/// `name = value`
enum NameValue {
    static func split(_ text: String) throws(ConfigurationError) -> (name: String, value: String) {
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count, ListSetting.isSpace(bytes[index]) { index += 1 }
        let start = index
        while index < bytes.count, !ListSetting.isSpace(bytes[index]), bytes[index] != 0x3D { index += 1 }
        let end = index
        while index < bytes.count, ListSetting.isSpace(bytes[index]) { index += 1 }
        guard end > start else { throw ConfigurationError("missing attribute name") }
        guard index < bytes.count, bytes[index] == 0x3D else {
            throw ConfigurationError("missing '=' after attribute name")
        }
        let value = String(decoding: bytes[(index + 1)...], as: UTF8.self)
        return (String(decoding: bytes[start..<end], as: UTF8.self), ListSetting.trimmed(Substring(value)))
    }
}
