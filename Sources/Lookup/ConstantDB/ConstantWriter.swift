import Glibc
import MailSystem
import Synchronization

/// A `cdb:` table that is being made: written whole to `/path.cdb.tmp`, which then takes the place of `/path.cdb`.
final class ConstantWriter: UpdatableTable {
    let name: String
    private let path: String
    private let source: String
    private let options: TableOptions
    private let keys: KeyFolding
    private let entries: Mutex<OctetMap> = Mutex(OctetMap())
    private let lock: TableLock

    var takesWholeKeyOnly: Bool { false }
    var fileName: String { source }
    private var temporary: String { "\(path).tmp" }

    init(_ request: TableRequest) throws(TableOpenError) {
        name = "\(request.specification)"
        source = request.name
        path = "\(request.name).cdb"
        options = request.options
        keys = KeyFolding(request.options)
        lock = try Self.lockedFile("\(request.name).cdb.tmp")
    }

    /// Another postmap may have had the file, and have renamed it meanwhile.
    private static func lockedFile(_ path: String) throws(TableOpenError) -> TableLock {
        while true {
            let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            if descriptor >= 0 { Glibc.close(descriptor) }
            guard let lock = TableLock(path: path, writing: true) else {
                throw TableOpenError("open database \(path): \(String(cString: strerror(errno)))")
            }
            lock.lock(exclusive: true)
            guard let held = lock.status(), let there = FileStamp(path: path), there.isSameFile(as: held) else {
                continue
            }
            return lock
        }
    }

    func find(_ key: String) async throws(LookupError) -> String? {
        throw LookupError(table: name, reason: "the table is open for changes only")
    }

    func update(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(LookupError) -> UpdateResult {
        // Keys and values end without NUL, unless asked otherwise.
        let terminates = options.contains(.keysWithNUL)
        let folded = keys.fold(key)
        let replacing = options.contains(.replaceDuplicates)
        return entries.withLock { entries in
            let isNew =
                terminates
                ? entries.insert(folded + [0], value + [0], replacing: replacing)
                : entries.insert(folded, value, replacing: replacing)
            return isNew || replacing ? .stored : .duplicate
        }
    }

    func delete(_ key: [UInt8]) throws(LookupError) -> Bool {
        throw LookupError(table: name, reason: "delete operation is not supported")
    }

    func close() throws(LookupError) {
        let entries = entries.withLock { $0 }
        guard ftruncate(lock.descriptor, 0) == 0 else { throw systemError() }
        do {
            try write(entries)
        } catch {
            throw LookupError(table: name, reason: "\(error)")
        }
        guard fsync(lock.descriptor) == 0, rename(temporary, path) == 0 else { throw systemError() }
        lock.unlock()
    }

    private func systemError() -> LookupError { LookupError(table: name, reason: String(cString: strerror(errno))) }

    private struct Slot {
        var hash: UInt32
        var position: UInt32
    }

    private func write(_ entries: OctetMap) throws {
        var output: [UInt8] = Array(repeating: 0, count: ConstantFile.directorySize)
        var tables: [[Slot]] = Array(repeating: [], count: 256)
        var position = output.count
        var failure: (any Error)?
        entries.forEachSlice { key, value in
            if failure != nil { return }
            let hash = ConstantFile.hash(key)
            tables[Int(hash & 255)].append(Slot(hash: hash, position: UInt32(clamping: position)))
            Self.append(UInt32(clamping: key.count), &output)
            Self.append(UInt32(clamping: value.count), &output)
            output += key
            output += value
            position += 8 + key.count + value.count
            guard output.count > 1 << 20 else { return }
            do { try self.flush(&output) } catch { failure = error }
        }
        if let failure { throw failure }
        var directory: [UInt8] = []
        for table in tables {
            Self.append(UInt32(clamping: position), &directory)
            Self.append(UInt32(clamping: 2 * table.count), &directory)
            for slot in Self.arranged(table) {
                Self.append(slot.hash, &output)
                Self.append(slot.position, &output)
            }
            position += 16 * table.count
            try flush(&output)
        }
        guard position <= UInt32.max else { throw LookupError(table: name, reason: "more than 4 GB of entries") }
        guard pwrite(lock.descriptor, directory, directory.count, 0) == directory.count else { throw systemError() }
    }

    /// Twice as many slots as entries; each entry in the first free one from where its hash points.
    private static func arranged(_ table: [Slot]) -> [Slot] {
        var slots = Array(repeating: Slot(hash: 0, position: 0), count: 2 * table.count)
        for entry in table {
            var slot = Int(entry.hash >> 8) % slots.count
            while slots[slot].position != 0 { slot = slot + 1 == slots.count ? 0 : slot + 1 }
            slots[slot] = entry
        }
        return slots
    }

    private func flush(_ output: inout [UInt8]) throws {
        try Descriptors.writeAll(output, to: lock.descriptor)
        output.removeAll(keepingCapacity: true)
    }

    private static func append(_ number: UInt32, _ output: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { output.append(contentsOf: $0) }
    }
}
