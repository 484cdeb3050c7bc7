/// master.cf, parsed: master(5).
public struct MasterConfiguration: Sendable {
    public var services: [MasterService]
    public var diagnostics: [ConfigurationDiagnostic]
    /// Log lines about chroot columns that only an old default fills (COMPATIBILITY_README).
    public var compatibilityNotes: [String] = []
    public var file: String

    /// Reads `directory`/master.cf.
    public static func load(directory: String, parameters: Parameters) throws(ConfigurationError)
        -> MasterConfiguration
    {
        let file = "\(directory)/master.cf"
        return try MasterConfiguration(ConfigurationFile.read(file), file: file, parameters: parameters)
    }

    public init(_ bytes: [UInt8], file: String = "master.cf", parameters: Parameters) throws(ConfigurationError) {
        self.file = file
        services = []
        diagnostics = []
        let chrootDefault = CompatibilityLevel(parameters["compatibility_level"]).map { $0 < Self.levelOne } ?? false
        var seen: Set<String> = []
        for line in LogicalLines.read(bytes) {
            if let warning = line.leadingSpaceWarning(file: file) {
                diagnostics.append(warning)
                continue
            }
            let service: MasterService
            do {
                service = try MasterLine.parse(
                    line, processLimit: parameters.int("default_process_limit"), chrootDefault: chrootDefault)
            } catch {
                throw ConfigurationError("\(file): line \(line.line): \(error.description)")
            }
            if !seen.insert("\(service.kind.rawValue) \(service.name)").inserted {
                throw ConfigurationError(
                    "\(file): line \(line.line): duplicate service \(service.name) type \(service.kind.rawValue)")
            }
            services.append(service)
            if chrootDefault, MasterLine.leavesChrootOpen(line) {
                compatibilityNotes.append(CompatibilityDefaults.chroot(file: file, line: line.line))
            }
        }
    }

    private static let levelOne = CompatibilityLevel("1") ?? CompatibilityLevel.zero

    /// The service of that name and kind.
    public func service(_ name: String, _ kind: MasterService.Kind = .unix) -> MasterService? {
        services.first { $0.name == name && $0.kind == kind }
    }
}

/// One logical line of master.cf.
enum MasterLine {
    /// The chroot column says `-`.
    static func leavesChrootOpen(_ line: LogicalLine) -> Bool {
        let fields = ListSetting.split(line.text, separator: ListSetting.isSpace)
        return fields.count > 4 && fields[4] == "-"
    }

    static func parse(_ line: LogicalLine, processLimit: Int, chrootDefault: Bool) throws(ConfigurationError)
        -> MasterService
    {
        let fields = ListSetting.split(line.text, separator: ListSetting.isSpace)
        guard fields.count >= 8 else { throw ConfigurationError("bad field count") }
        func invalid(_ column: String, _ index: Int) -> ConfigurationError {
            ConfigurationError(
                "invalid \(column) field \"\(fields[index])\" in \"\(fields.joined(separator: " "))\"")
        }
        func flag(_ column: String, _ index: Int, _ standard: Bool) throws(ConfigurationError) -> Bool {
            switch fields[index] {
            case "y": true
            case "n": false
            case "-": standard
            default: throw invalid(column, index)
            }
        }
        guard let kind = MasterService.Kind(rawValue: fields[1]) else { throw invalid("type", 1) }
        let isPrivate = try flag("private", 2, kind != .inet)
        let isUnprivileged = try flag("unprivileged", 3, true)
        let isChrooted = try flag("chroot", 4, chrootDefault)
        var wakeUp: MasterService.WakeUp?
        if fields[5] != "-" {
            let onlyIfUsed = fields[5].hasSuffix("?")
            guard let seconds = TimeSetting.decimal(onlyIfUsed ? fields[5].dropLast() : fields[5][...]),
                seconds <= Int(Int32.max)
            else { throw invalid("wakeup", 5) }
            if seconds > 0 { wakeUp = MasterService.WakeUp(seconds: seconds, onlyIfUsed: onlyIfUsed) }
        }
        var limit = processLimit
        if fields[6] != "-" {
            guard let number = TimeSetting.decimal(fields[6][...]), number <= Int(Int32.max) else {
                throw invalid("process_limit", 6)
            }
            limit = number
        }
        if kind == .inet, isPrivate { throw ConfigurationError("inet service \(fields[0]) cannot be private") }
        let (arguments, overrides) = try options(Array(fields[8...]))
        return MasterService(
            name: fields[0], kind: kind, isPrivate: isPrivate, isUnprivileged: isUnprivileged, isChrooted: isChrooted,
            wakeUp: wakeUp, processLimit: limit, command: fields[7], arguments: arguments, overrides: overrides,
            line: line.line)
    }

    /// `-o name=value`, `-oname=value`, `-o { name = value }` among the leading options; then the other arguments.
    private static func options(_ fields: [String]) throws(ConfigurationError) -> (
        [String], [MasterService.Override]
    ) {
        var arguments: [String] = []
        var overrides: [MasterService.Override] = []
        var index = 0
        while index < fields.count {
            let field = fields[index]
            guard field.hasPrefix("-"), field != "-" else { break }
            index += 1
            if field == "--" {
                arguments.append(field)
                break
            }
            guard field.hasPrefix("-o") else {
                arguments.append(field)
                continue
            }
            var text = String(field.dropFirst(2))
            if text.isEmpty {
                guard index < fields.count else { throw ConfigurationError("option -o needs name=value") }
                text = fields[index]
                index += 1
            }
            let inner = ListSetting.unbraced(text) ?? text
            do {
                let (name, value) = try NameValue.split(inner)
                overrides.append(MasterService.Override(name: name, value: value))
            } catch {
                throw ConfigurationError("\(error.description): \"\(inner)\"")
            }
        }
        arguments += fields[index...].map { ListSetting.unbraced($0) ?? $0 }
        return (arguments, overrides)
    }
}
