import Configuration
import MailSystem

/// The settings of a table that asks a server: a file `/path` in the format of main.cf, or parameters `NAME_setting` of
/// main.cf for a name that begins with neither `/` nor `.` (pgsql_table(5), "obsolete main.cf parameters").
struct ClientSettings {
    /// The table's name, as messages have it.
    let name: String
    /// Of the file.
    let owner: TableOwner
    private let file: [String: String]?
    private let main: Parameters?

    init(_ request: TableRequest) throws(TableOpenError) {
        name = request.name
        let first = request.name.utf8.first
        guard first == UInt8(ascii: "/") || first == UInt8(ascii: ".") else {
            file = nil
            owner = .trusted
            main = request.settings.mainParameters
            return
        }
        let text: [UInt8]
        do {
            (text, owner) = try TableFile.readWithOwner(request.name)
        } catch {
            throw TableOpenError(error.text(request.name))
        }
        var lines = LogicalLines(text)
        var values: [String: String] = [:]
        while let line = lines.next() {
            let place = "\(request.name), line \(line.number)"
            if line.startsWithSpace {
                request.log.warning("\(place): logical line must not start with whitespace: \"\(line.text.shown)\"")
            }
            let pair = try Self.pair(line.text, place)
            if let earlier = values[pair.name] {
                request.log.warning("\(place): overriding earlier entry: \(pair.name)=\(earlier)")
            }
            values[pair.name] = pair.value
        }
        file = values
        main = nil
    }

    private static func pair(
        _ line: ArraySlice<UInt8>, _ place: String
    ) throws(TableOpenError) -> (name: String, value: String) {
        let text = ListSyntax.trim(line)
        let name = text.prefix { !ListSyntax.isSpace($0) && $0 != UInt8(ascii: "=") }
        let rest = ListSyntax.trim(text[name.endIndex...])
        let shown = line.text
        if name.isEmpty { throw TableOpenError("\(place): missing attribute name: \"\(shown)\"") }
        guard rest.first == UInt8(ascii: "=") else {
            throw TableOpenError("\(place): missing '=' after attribute name: \"\(shown)\"")
        }
        return (name.text, ListSyntax.trim(rest.dropFirst()).text)
    }

    /// The value as it is set, nil when it is not. Only main.cf's values have `$name` in them.
    func value(_ setting: String) -> String? {
        if let file { return file[setting] }
        guard let main, main.isSet("\(name)_\(setting)") else { return nil }
        return main.value("\(name)_\(setting)")
    }

    /// How messages name a setting.
    private func shown(_ setting: String, _ value: String) -> String {
        file == nil ? "\(name)_\(setting) = \(value)" : "\(setting) = \(value)"
    }

    private var place: String { file == nil ? "" : "\(name): " }

    /// - Parameter minimum: of the value's length, octets.
    func string(_ setting: String, _ standard: String, minimum: Int = 0) throws(TableOpenError) -> String {
        let value = value(setting) ?? standard
        let length = value.utf8.count
        if length >= minimum { return value }
        throw TableOpenError("\(place)bad string length \(length) < \(minimum): \(shown(setting, value))")
    }

    func int(_ setting: String, _ standard: Int, minimum: Int = 0) throws(TableOpenError) -> Int {
        guard let text = value(setting) else { return standard }
        guard let number = Int32(text).map(Int.init) else {
            throw TableOpenError("\(place)bad numerical configuration: \(shown(setting, text))")
        }
        if number >= minimum { return number }
        throw TableOpenError("\(place)invalid \(setting) parameter value \(number) < \(minimum)")
    }

    /// Seconds.
    func seconds(_ setting: String, _ standard: Int, minimum: Int = 0) throws(TableOpenError) -> Int {
        guard let text = value(setting) else { return standard }
        guard let number = TimeSetting.seconds(text), number >= minimum else {
            throw TableOpenError("\(place)bad time configuration: \(shown(setting, text))")
        }
        return number
    }

    func bool(_ setting: String, _ standard: Bool) throws(TableOpenError) -> Bool {
        guard let text = value(setting) else { return standard }
        switch CaseFolding.fold(text) {
        case "yes": return true
        case "no": return false
        default: throw TableOpenError("\(place)bad boolean configuration: \(shown(setting, text))")
        }
    }
}
