import Glibc

/// A cdb file that is being read (https://cr.yp.to/cdb/cdb.txt): 256 hash tables, found by a directory of 2048 bytes; each
/// record is the lengths of key and value, then both. All numbers have 32 bits, least octet first.
///
/// Daemons read it and do not map it: a file that somebody truncates must not kill the process.
final class ConstantFile {
    static let directorySize = 2048

    let lock: TableLock
    /// Position and number of slots of each hash table.
    private let directory: [(position: UInt32, slots: UInt32)]
    private let size: Int
    /// The whole file in memory, if it is mapped.
    private let map: FileMap?
    /// What was read last.
    private let memory: UnsafeMutableRawPointer
    private static let memorySize = 512

    static let malformed = FileProblem(errno: EPROTO)

    init(_ lock: TableLock, isMapped: Bool = false) throws(FileProblem) {
        guard let status = lock.status(), let start = FileBytes.read(lock.descriptor, at: 0, count: Self.directorySize),
            start.count == Self.directorySize
        else { throw Self.malformed }
        self.lock = lock
        size = status.size
        map = isMapped ? FileMap(lock.descriptor, size: status.size) : nil
        directory = start.withUnsafeBytes { bytes in
            (0..<256).map { (Self.number(bytes, 8 * $0), Self.number(bytes, 8 * $0 + 4)) }
        }
        memory = .allocate(byteCount: Self.memorySize, alignment: 16)
    }

    deinit { memory.deallocate() }

    static func hash(_ key: ArraySlice<UInt8>) -> UInt32 {
        key.withUnsafeBufferPointer { key in
            var value: UInt32 = 5381
            for byte in key { value = ((value << 5) &+ value) ^ UInt32(byte) }
            return value
        }
    }

    func get(_ key: [UInt8]) throws(FileProblem) -> [UInt8]? {
        let hash = Self.hash(key[...])
        let table = directory[Int(hash & 255)]
        guard table.slots > 0 else { return nil }
        var slot = (hash >> 8) % table.slots
        var left = table.slots
        while left > 0 {
            // The right one is mostly the first. A read costs the same for a few; of a mapped file each may be a line of memory.
            let count = map == nil ? min(4, left, table.slots - slot) : 1
            let slots = try bytes(at: Int(table.position) + 8 * Int(slot), count: 8 * Int(count))
            // What is read next may take the place of these.
            var candidates: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            withUnsafeMutableBytes(of: &candidates) { $0.copyMemory(from: slots) }
            for index in 0..<Int(count) {
                let entry = withUnsafeBytes(of: candidates) {
                    UInt64(littleEndian: $0.load(fromByteOffset: 8 * index, as: UInt64.self))
                }
                let position = Int(entry >> 32)
                if position == 0 { return nil }
                guard UInt32(truncatingIfNeeded: entry) == hash else { continue }
                if let value = try value(at: position, ifKeyIs: key) { return value }
            }
            left -= count
            slot = slot + count == table.slots ? 0 : slot + count
        }
        return nil
    }

    private func value(at position: Int, ifKeyIs key: [UInt8]) throws(FileProblem) -> [UInt8]? {
        guard position <= size - 8 else { throw Self.malformed }
        let whole = size - position
        let start = try bytes(at: position, count: min(8 + key.count + 200, Self.memorySize, whole))
        guard Int(Self.number(start, 0)) == key.count else { return nil }
        let length = Int(Self.number(start, 4))
        guard length <= whole - 8 - key.count else { throw Self.malformed }
        let end = 8 + key.count + length
        if end <= start.count {
            return Self.holds(start, key) ? Array(start[(8 + key.count)..<end]) : nil
        }
        let record = try array(at: position, count: end)
        return record.withUnsafeBytes { Self.holds($0, key) ? Array($0[(8 + key.count)..<end]) : nil }
    }

    private static func holds(_ record: UnsafeRawBufferPointer, _ key: [UInt8]) -> Bool {
        key.withUnsafeBytes { key in
            guard let first = record.baseAddress, let second = key.baseAddress else { return true }
            return memcmp(first + 8, second, key.count) == 0
        }
    }

    /// Records in the order of the file.
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(FileProblem) {
        let end = Int(directory.map(\.position).min() ?? 0)
        var position = Self.directorySize
        var chunk: [UInt8] = []
        var start = 0
        /// The bytes from the position, read ahead.
        func next(_ count: Int) throws(FileProblem) -> [UInt8] {
            guard count <= end - position else { throw Self.malformed }
            if start + count > chunk.count {
                chunk = try array(at: position, count: min(max(count, 65_536), end - position))
                start = 0
            }
            defer {
                start += count
                position += count
            }
            return Array(chunk[start..<(start + count)])
        }
        while position < end {
            let (keyLength, length) = try next(8).withUnsafeBytes { (Self.number($0, 0), Self.number($0, 4)) }
            let key = try next(Int(keyLength))
            body(key, try next(Int(length)))
        }
    }

    /// At most `memorySize` bytes, which are good until the next call.
    private func bytes(at offset: Int, count: Int) throws(FileProblem) -> UnsafeRawBufferPointer {
        guard offset >= 0, count >= 0, count <= size, offset <= size - count, count <= Self.memorySize else {
            throw Self.malformed
        }
        if let map { return UnsafeRawBufferPointer(rebasing: map.bytes[offset..<(offset + count)]) }
        guard FileBytes.read(lock.descriptor, at: offset, into: memory, count: count) == count else {
            throw Self.malformed
        }
        return UnsafeRawBufferPointer(start: memory, count: count)
    }

    private func array(at offset: Int, count: Int) throws(FileProblem) -> [UInt8] {
        guard offset >= 0, count >= 0, count <= size, offset <= size - count,
            let bytes = FileBytes.read(lock.descriptor, at: offset, count: count), bytes.count == count
        else { throw Self.malformed }
        return bytes
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        guard offset + 4 <= bytes.count else { return 0 }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
