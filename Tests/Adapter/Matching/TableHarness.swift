import Lookup
import MailSyntax

/// Operations on one table: `TYPE:NAME MODE [FLAG,...]`.
struct TableHarness {
    private let console: Console
    private let opener: TableOpener
    private let options: TableOptions
    private let flags: [String]
    private let specification: String
    private let table: any LookupTable
    /// The same table for keys and values in UTF-8.
    private let checked: UTF8CheckedTable
    private var cursor: (any TableCursor)?

    static func run(_ console: Console) async {
        guard console.arguments.count >= 2 else {
            console.fatal("usage: dict_open type:file read|write|create flags...")
        }
        var harness = TableHarness(console)
        for line in console.octetLines() {
            console.print([0x3E, 0x20] + line)
            if line.isEmpty || line.first == 0x23 { continue }
            await harness.execute(line)
        }
        harness.close()
    }

    private func close() {
        do {
            if let table = table as? any UpdatableTable { try table.close() }
        } catch {
            console.log.warning("\(specification): \(error.reason)")
        }
    }

    private init(_ console: Console) {
        self.console = console
        var settings = TableSettings()
        settings.utf8 = true
        opener = TableOpener(settings: settings, log: console.log)
        specification = console.arguments[0]
        let flags = console.arguments.dropFirst(2).joined(separator: ",").split(separator: ",").map(String.init)
        self.flags = flags
        var options: TableOptions = []
        if flags.contains("fold_fix") { options.insert(.foldKeys) }
        if flags.contains("src_rhs_is_file") { options.insert(.valueIsFileName) }
        switch console.arguments[1] {
        case "write": options.formUnion([.writable, .replaceDuplicates])
        case "create": options.formUnion([.writable, .create, .replaceDuplicates])
        default: break
        }
        self.options = options
        do {
            table = try opener.openUnchecked(TableSpecification(specification), options: options.union(.utf8))
        } catch {
            // Reports, and answers every key with an error.
            table = opener.open(specification, options: options)
        }
        checked = UTF8CheckedTable(table, log: console.log)
    }

    private mutating func execute(_ line: [UInt8]) async {
        let parts = line.split(separator: 0x20, maxSplits: 1).map { Array($0) }
        let operand = EscapedText.decode(parts.count > 1 ? parts[1] : [])
        switch String(decoding: parts[0], as: UTF8.self) {
        case "get": await get(operand)
        case "put": put(operand)
        case "del": delete(operand)
        case "first":
            cursor = (table as? any ListableTable)?.cursor()
            sequence()
        case "next": sequence()
        case "flags": console.print("dict flags \(flagNames)")
        case "verbose": break
        default: console.log.warning("usage: verbose|del key|get key|put key=value|first|next|flags")
        }
    }

    private var flagNames: String {
        var names = [table.takesWholeKeyOnly ? "pattern" : "fixed", "lock", "replace"]
        if flags.contains("sync_update") { names.append("sync_update") }
        if options.contains(.foldKeys) { names.append("fold_fix") }
        names += ["utf8_request", "utf8_active"]
        if options.contains(.valueIsFileName) { names.append("src_rhs_is_file") }
        return names.joined(separator: "|")
    }

    private func get(_ key: [UInt8]) async {
        do {
            guard let value = try await checked.find(octets: key) else {
                return console.print(key + ": not found".utf8)
            }
            console.print(key + [0x3D] + value)
        } catch {
            console.print(key + ": error".utf8)
        }
    }

    private func put(_ entry: [UInt8]) {
        guard let end = entry.firstIndex(where: { $0 == 0x3D || $0 == 0x20 }) else {
            return console.log.warning("usage: put key=value")
        }
        let key = Array(entry[..<end])
        let value = Array(entry[end...].drop { $0 == 0x3D || $0 == 0x20 })
        do {
            guard let table = table as? any UpdatableTable, checked.isValidKey(key), checked.isValidKey(value) else {
                throw LookupError(table: specification, reason: "")
            }
            if try table.update(key, value) == .duplicate { console.print(key + ": not updated".utf8) }
        } catch {
            console.print(key + ": error".utf8)
        }
    }

    private func delete(_ key: [UInt8]) {
        do {
            guard let table = table as? any UpdatableTable else { throw LookupError(table: specification, reason: "") }
            console.print(key + (try table.delete(key) ? ": deleted" : ": not found").utf8)
        } catch {
            console.print(key + ": error".utf8)
        }
    }

    private mutating func sequence() {
        guard cursor != nil else { return console.print("error") }
        do {
            guard let entry = try cursor?.next() else { return console.print("not found") }
            console.print(entry.key + [0x3D] + entry.value)
        } catch {
            console.print("error")
        }
    }
}
