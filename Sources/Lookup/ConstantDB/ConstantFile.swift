import Glibc

/// A cdb file that is being read (https://cr.yp.to/cdb/cdb.txt): 256 hash tables, found by a directory of 2048 bytes; each
/// record is the lengths of key and value, then both. All numbers have 32 bits, least octet first.
///
/// Daemons read it and do not map it: a file that somebody truncates must not kill the process.
struct ConstantFile {
    struct Malformed: Error {}

    static let directorySize = 2048

    let lock: TableLock
    /// Position and number of slots of each hash table.
    private let directory: [(position: UInt32, slots: UInt32)]
    private let size: Int

    /// The whole file in memory, if it is mapped.
    private let map: FileMap?

    init(_ lock: TableLock, isMapped: Bool = false) throws(Malformed) {
        self.lock = lock
        guard let status = lock.status(), let start = Self.read(lock, at: 0, count: Self.directorySize),
            start.count == Self.directorySize
        else { throw Malformed() }
        size = status.size
        map = isMapped ? FileMap(lock.descriptor, size: status.size) : nil
        directory = (0..<256).map { (Self.number(start, 8 * $0), Self.number(start, 8 * $0 + 4)) }
    }

    static func hash(_ key: [UInt8]) -> UInt32 {
        var value: UInt32 = 5381
        for byte in key { value = ((value << 5) &+ value) ^ UInt32(byte) }
        return value
    }

    func get(_ key: [UInt8]) throws(Malformed) -> [UInt8]? {
        let hash = Self.hash(key)
        let table = directory[Int(hash & 255)]
        guard table.slots > 0 else { return nil }
        var slot = (hash >> 8) % table.slots
        var slots: [UInt8] = []
        var firstSlot: UInt32 = 0
        for _ in 0..<table.slots {
            // A few slots at once: the right one is mostly the first.
            if slots.isEmpty || slot < firstSlot || Int(slot - firstSlot) * 8 + 8 > slots.count {
                firstSlot = slot
                let count = min(8, Int(table.slots - slot))
                slots = try read(at: Int(table.position) + 8 * Int(slot), count: 8 * count)
            }
            let entry = 8 * Int(slot - firstSlot)
            let position = Int(Self.number(slots, entry + 4))
            if position == 0 { return nil }
            if Self.number(slots, entry) == hash, let value = try value(at: position, ifKeyIs: key) { return value }
            slot = slot + 1 == table.slots ? 0 : slot + 1
        }
        return nil
    }

    private func value(at position: Int, ifKeyIs key: [UInt8]) throws(Malformed) -> [UInt8]? {
        let guess = min(8 + key.count + 200, size - position)
        let start = try read(at: position, count: guess)
        guard start.count >= 8, Int(Self.number(start, 0)) == key.count else { return nil }
        guard start.count >= 8 + key.count else { throw Malformed() }
        guard start[8..<(8 + key.count)].elementsEqual(key) else { return nil }
        let length = Int(Self.number(start, 4))
        let end = 8 + key.count + length
        if end <= start.count { return Array(start[(8 + key.count)..<end]) }
        return try read(at: position + 8 + key.count, count: length)
    }

    /// Records in the order of the file.
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) throws(Malformed) {
        let end = Int(directory.map(\.position).min() ?? 0)
        var position = Self.directorySize
        var chunk: [UInt8] = []
        var start = 0
        /// The bytes from the position, read ahead.
        func bytes(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
            guard count <= end - position else { throw Malformed() }
            if start + count > chunk.count {
                chunk = try read(at: position, count: min(max(count, 65_536), end - position))
                start = 0
            }
            defer {
                start += count
                position += count
            }
            return chunk[start..<(start + count)]
        }
        while position < end {
            let lengths = Array(try bytes(8))
            let key = Array(try bytes(Int(Self.number(lengths, 0))))
            body(key, Array(try bytes(Int(Self.number(lengths, 4)))))
        }
    }

    private func read(at offset: Int, count: Int) throws(Malformed) -> [UInt8] {
        guard offset >= 0, count >= 0, count <= size, offset <= size - count else { throw Malformed() }
        if let map { return Array(map.bytes[offset..<(offset + count)]) }
        guard let bytes = Self.read(lock, at: offset, count: count), bytes.count == count
        else { throw Malformed() }
        return bytes
    }

    private static func read(_ lock: TableLock, at offset: Int, count: Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(
                    lock.descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failed = true }
                if got <= 0 { return }
                filled += got
            }
        }
        return failed ? nil : bytes
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        guard offset + 4 <= bytes.count else { return 0 }
        let low = UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8
        return low | UInt32(bytes[offset + 2]) << 16 | UInt32(bytes[offset + 3]) << 24
    }
}

/// A file in memory.
///
/// `@unchecked Sendable`: nobody writes to the memory.
final class FileMap: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init?(_ descriptor: CInt, size: Int) {
        guard size > 0, let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            return nil
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}
