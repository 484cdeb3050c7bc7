import CommandReference
import Configuration
import Glibc
import Lookup
import MailSyntax
import MailSystem
import Submission

/// What postmap and postalias have in common: options, and the work on tables. They differ in the source's syntax and
/// in how entries are shown.
protocol TableDialect {
    static var name: String { get }
    static var optionLetters: String { get }
    static var usage: String { get }
    /// In the message about options that exclude each other.
    static var exclusiveOptions: String { get }
    /// Between key and value where entries are shown.
    static var separator: [UInt8] { get }
    /// Stores what the source text holds.
    static func store(
        _ source: [UInt8], path: String, options: TableOptions, warn: (String) -> Void,
        _ put: (_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(CommandFailure) -> Void
    ) throws(CommandFailure)
    /// Entries that a new table gets besides those of its source.
    static func ownEntries(_ parameters: Parameters) -> [(key: [UInt8], value: [UInt8])]
}

struct TableCommandOptions {
    var query: String?
    var deletion: String?
    var lists = false
    var incremental = false
    var header = false
    var body = false
    var mime = false
    var forceUTF8 = false
    var json = false
    var keepsPrivileges = false
    var defaultPermissions = false
    var disablesUTF8 = false
    var verbosity = 0
    var directory: String?
    var table: TableOptions = .standard
    var operands: [String] = []

    init<Dialect: TableDialect>(_ dialect: Dialect.Type, _ arguments: [String]) throws(CommandFailure) {
        var scanner = OptionScanner(arguments, options: dialect.optionLetters, longFlags: ["json": "j"])
        while let (option, value) = try scanner.nextPair(usage: "usage: \(dialect.usage)") {
            try apply(option, value, dialect)
        }
        operands = scanner.operands
    }

    /// What Postfix finds wrong only after it has read main.cf, and perhaps warned of it.
    func check<Dialect: TableDialect>(_ dialect: Dialect.Type) throws(CommandFailure) {
        if header || body || mime, query != "-" {
            throw CommandFailure("specify -b -h or -m only with \"-q -\"")
        }
        if operands.isEmpty { throw CommandFailure("usage: \(dialect.usage)") }
    }

    private mutating func apply<Dialect: TableDialect>(
        _ option: Character, _ value: String, _ dialect: Dialect.Type
    ) throws(CommandFailure) {
        switch option {
        case "b": body = true
        case "c": directory = value
        case "d":
            if deletion != nil || query != nil || lists {
                throw CommandFailure("specify only one of \(dialect.exclusiveOptions)")
            }
            deletion = value
        case "f": table.remove(.foldKeys)
        case "F": table.insert(.valueIsFileName)
        case "h": header = true
        case "i": incremental = true
        case "j": json = true
        case "m": mime = true
        case "n":
            table.insert(.keysWithoutNUL)
            table.remove(.keysWithNUL)
        case "N":
            table.insert(.keysWithNUL)
            table.remove(.keysWithoutNUL)
        case "o": keepsPrivileges = true
        case "p": defaultPermissions = true
        case "q":
            if deletion != nil || query != nil || lists {
                throw CommandFailure("specify only one of \(dialect.exclusiveOptions)")
            }
            query = value
        case "r":
            table.insert(.replaceDuplicates)
            table.remove(.ignoreDuplicates)
        case "s":
            if deletion != nil || query != nil {
                throw CommandFailure("specify only one of \(dialect.exclusiveOptions)")
            }
            lists = true
        case "u": disablesUTF8 = true
        case "U": forceUTF8 = true
        case "v": verbosity += 1
        case "w":
            table.insert(.ignoreDuplicates)
            table.remove(.replaceDuplicates)
        default: break
        }
    }
}

/// postmap or postalias at work.
struct TableCommand<Dialect: TableDialect> {
    let context: CommandContext
    let options: TableCommandOptions
    let opener: TableOpener
    /// `type:name` of each operand.
    let tables: [TableSpecification]
    let tableOptions: TableOptions
    let output = StandardOutput()

    static func run(_ arguments: [String]) -> Int32 {
        CommandContext.run(Dialect.name, logs: true) { () throws(CommandFailure) in
            umask(0o022)
            let options = try TableCommandOptions(Dialect.self, arguments)
            CommandTrace.begin(Dialect.name, level: options.verbosity)
            let context = try CommandContext(name: Dialect.name, directory: options.directory)
            try options.check(Dialect.self)
            return try TableCommand(context, options).run()
        }
    }

    private init(_ context: CommandContext, _ options: TableCommandOptions) throws(CommandFailure) {
        self.context = context
        self.options = options
        var settings = TableSettings(parameters: context.parameters)
        settings.isCommand = true
        // One table, and many lookups perhaps.
        settings.mapsFiles = true
        opener = TableOpener(settings: settings, log: context.log)
        var utf8 = settings.utf8 && !options.disablesUTF8
        // Header and body lines need not be UTF-8.
        if options.header || options.body, !options.forceUTF8 { utf8 = false }
        tableOptions = utf8 ? options.table.union(.utf8) : options.table
        var tables: [TableSpecification] = []
        for operand in options.operands {
            tables.append(settings.redirected(Self.specification(operand, settings.defaultType)))
        }
        self.tables = tables
    }

    /// A table's name may be empty here: opening it then fails with the reason.
    private static func specification(_ operand: String, _ defaultType: String) -> TableSpecification {
        guard let colon = operand.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return TableSpecification(type: defaultType, name: operand)
        }
        let name = String(operand[operand.utf8.index(after: colon)...])
        return TableSpecification(type: String(operand[..<colon]), name: name)
    }

    private func run() throws(CommandFailure) -> Int32 {
        defer { output.flush() }
        let filters = options.header || options.body
        if options.mime, !filters { context.log.warning("ignoring -m option without -b or -h") }
        if options.lists {
            for table in tables { try list(table) }
            return 0
        }
        if let key = options.query {
            if key != "-" { return try query(RawArgument.octets(key)) ? 0 : 1 }
            return try queryStandardInput() ? 0 : 1
        }
        if let key = options.deletion {
            if key != "-" { return try delete([RawArgument.octets(key)]) ? 0 : 1 }
            return try deleteStandardInput() ? 0 : 1
        }
        for table in tables { try TableBuilder<Dialect>(self).build(table) }
        return 0
    }

    // MARK: Queries

    private func openForQuery(_ table: TableSpecification) throws(CommandFailure) -> any LookupTable {
        do {
            let opened = try opener.openOrThrow(checked(table), options: tableOptions)
            CommandTrace.tell("open \(opened.logName)")
            return opened
        } catch {
            throw CommandFailure(error.reason)
        }
    }

    /// `type:name` must have both.
    func checked(_ table: TableSpecification) throws(TableOpenError) -> TableSpecification {
        try TableSpecification("\(table)")
    }

    private func query(_ key: [UInt8]) throws(CommandFailure) -> Bool {
        for table in tables {
            let opened = try openForQuery(table)
            guard let value = try find(key, in: opened) else { continue }
            if options.json {
                output.write(JSONText.object(key, value) + "\n")
            } else {
                output.write(value + [0x0A])
            }
            return true
        }
        return false
    }

    /// What `-q -` has done so far.
    private struct Queries {
        /// Each is opened when a key gets as far as it.
        var opened: [any LookupTable] = []
        var keepsLocks = false
        var found = false
    }

    private func ask(_ key: [UInt8], _ queries: inout Queries, _ input: StandardInput) throws(CommandFailure) {
        let moreFollow = input.hasLine
        if moreFollow != queries.keepsLocks {
            queries.keepsLocks = moreFollow
            for table in queries.opened { table.keepLock(moreFollow) }
        }
        defer { if !moreFollow { output.flush() } }
        for index in tables.indices {
            if index >= queries.opened.count {
                let table = try openForQuery(tables[index])
                table.keepLock(moreFollow)
                queries.opened.append(table)
            }
            guard let value = try find(key, in: queries.opened[index]) else { continue }
            show(key, value)
            queries.found = true
            return
        }
    }

    /// Each line, or each header or body line of a message, is a key.
    private func queryStandardInput() throws(CommandFailure) -> Bool {
        let input = StandardInput()
        var queries = Queries()
        if options.header || options.body {
            var keys = MessageKeys(
                header: options.header, body: options.body, mime: options.mime, warn: context.log.warning)
            while let line = input.nextLine() {
                for key in keys.feed(line) { try ask(key, &queries, input) }
            }
            for key in keys.finish() { try ask(key, &queries, input) }
        } else {
            var line: [UInt8] = []
            while input.nextLine(into: &line) { try ask(line, &queries, input) }
        }
        return queries.found
    }

    private func show(_ key: [UInt8], _ value: [UInt8]) {
        if options.json {
            output.write(JSONText.object(key, value) + "\n")
        } else {
            output.write(key, Dialect.separator, value)
        }
    }

    private func find(_ key: [UInt8], in table: any LookupTable) throws(CommandFailure) -> [UInt8]? {
        guard let value = try answer(key, in: table) else {
            CommandTrace.tell("\(table.logName): \(CommandTrace.quoted(key)): not found")
            return nil
        }
        CommandTrace.tell("\(table.logName): \(CommandTrace.quoted(key)): \(CommandTrace.quoted(value))")
        if value.isEmpty { warnOfEmptyValue(key, table.logName) }
        guard options.table.contains(.valueIsFileName) else { return value }
        guard let decoded = decode(key, value, table) else {
            throw CommandFailure("table \(table.logName): query error")
        }
        return decoded
    }

    private func warnOfEmptyValue(_ key: [UInt8], _ name: String) {
        context.log.warning("table \(name): key \(Utf8Text.shown(key)): empty string result is not allowed")
        context.log.warning("table \(name) should return NO RESULT in case of NOT FOUND")
    }

    private func answer(_ key: [UInt8], in table: any LookupTable) throws(CommandFailure) -> [UInt8]? {
        do throws(LookupError) {
            if case .value(let value) = try table.answerNow(key) { return value }
        } catch {
            throw failure(table, "query", error)
        }
        let answer = runBlocking { () -> Result<[UInt8]?, LookupError> in
            do throws(LookupError) { return .success(try await table.find(octets: key)) } catch {
                return .failure(error)
            }
        }
        switch answer {
        case .success(let found): return found
        case .failure(let error): throw failure(table, "query", error)
        case nil: return nil
        }
    }

    private func decode(_ key: [UInt8], _ value: [UInt8], _ table: any LookupTable) -> [UInt8]? {
        if let decoded = FileValue.decode(value) { return decoded }
        let shown = "\(Utf8Text.shown(key)): malformed BASE64 value: \(Utf8Text.shown(value.prefix(30)))"
        context.log.warning("table \(table.logName): key \(shown)")
        return nil
    }

    func failure(_ table: any LookupTable, _ operation: String, _ error: LookupError) -> CommandFailure {
        if let updatable = table as? any UpdatableTable {
            return CommandFailure(updatable.complaint(operation, error))
        }
        let reason = error.reason.isEmpty ? "" : ": \(error.reason)"
        return CommandFailure("table \(table.logName): \(operation) error\(reason)")
    }

    // MARK: Listing and deleting

    private func list(_ table: TableSpecification) throws(CommandFailure) {
        if table.type == "proxy" { throw CommandFailure("can't sequence maps via the proxy service") }
        let opened: any LookupTable
        do { opened = try opener.openUnchecked(checked(table), options: tableOptions) } catch {
            throw CommandFailure(error.reason)
        }
        CommandTrace.tell("open \(opened.logName)")
        guard let listable = opened as? any ListableTable else {
            throw CommandFailure("table \(opened.logName): sequence operation is not supported")
        }
        do throws(LookupError) {
            try listable.forEach { key, value in
                if key.isEmpty {
                    context.log.warning("table \(opened.name): empty lookup key value is not allowed")
                } else if value.isEmpty {
                    warnOfEmptyValue(key, opened.name)
                }
                var value = value
                if options.table.contains(.valueIsFileName) {
                    guard let decoded = decode(key, value, opened) else { return }
                    value = decoded
                }
                show(key, value)
            }
        } catch {
            throw failure(opened, "sequence", error)
        }
    }

    private func deleteStandardInput() throws(CommandFailure) -> Bool {
        let input = StandardInput()
        var keys: [[UInt8]] = []
        while let line = input.nextLine() { keys.append(line) }
        return try delete(keys)
    }

    /// From every table.
    private func delete(_ keys: [[UInt8]]) throws(CommandFailure) -> Bool {
        var found = false
        for table in tables {
            let opened: any LookupTable
            do {
                opened = try opener.openUnchecked(checked(table), options: tableOptions.union(.writable))
            } catch {
                throw CommandFailure(error.reason)
            }
            guard let updatable = opened as? any UpdatableTable else {
                throw CommandFailure("table \(opened.logName): delete operation is not supported")
            }
            do throws(LookupError) {
                CommandTrace.tell("open \(opened.logName) for changes")
                for key in keys {
                    let isDeleted = try updatable.delete(key)
                    if isDeleted { found = true }
                    CommandTrace.tell(
                        "\(opened.logName): \(CommandTrace.quoted(key)): \(isDeleted ? "deleted" : "not found")")
                }
                try updatable.close()
            } catch {
                throw failure(opened, "delete", error)
            }
        }
        return found
    }
}
