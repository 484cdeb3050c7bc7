import Glibc

/// A map from octets to octets in two arrays: a million entries without a million allocations.
struct OctetMap: Sendable {
    private var storage: [UInt8] = []
    private var entries: [Entry] = []
    /// Index of an entry plus 1, or 0; the count is a power of two.
    private var slots: [UInt32] = Array(repeating: 0, count: 16)

    private struct Entry {
        var key: Range<Int>
        var value: Range<Int>
    }

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    subscript(key: [UInt8]) -> [UInt8]? {
        slot(of: key[...]).entry.map { Array(storage[entries[$0].value]) }
    }

    /// Returns false, and changes nothing unless `replacing`, when the key has a value.
    @discardableResult
    mutating func insert(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, replacing: Bool = false) -> Bool {
        let (slot, entry) = slot(of: key)
        if let entry {
            if replacing { entries[entry].value = append(value) }
            return false
        }
        let stored = Entry(key: append(key), value: append(value))
        entries.append(stored)
        slots[slot] = UInt32(truncatingIfNeeded: entries.count)
        if entries.count * 2 > slots.count { grow() }
        return true
    }

    /// Entries in the order of their first insertion, without copies.
    func forEachSlice(_ body: (ArraySlice<UInt8>, ArraySlice<UInt8>) -> Void) {
        for entry in entries { body(storage[entry.key], storage[entry.value]) }
    }

    /// Entries in the order of their first insertion.
    func forEach(_ body: ([UInt8], [UInt8]) -> Void) {
        for entry in entries { body(Array(storage[entry.key]), Array(storage[entry.value])) }
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) -> Range<Int> {
        let start = storage.count
        storage.append(contentsOf: bytes)
        return start..<storage.count
    }

    private func slot(of key: ArraySlice<UInt8>) -> (slot: Int, entry: Int?) {
        var slot = Self.hash(key) & (slots.count - 1)
        while slots[slot] != 0 {
            let entry = Int(slots[slot]) - 1
            if holds(key, entries[entry].key) { return (slot, entry) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return (slot, nil)
    }

    private func holds(_ key: ArraySlice<UInt8>, _ stored: Range<Int>) -> Bool {
        guard stored.count == key.count else { return false }
        return storage.withUnsafeBytes { storage in
            key.withUnsafeBytes { key in
                guard let first = storage.baseAddress, let second = key.baseAddress else { return true }
                return memcmp(first + stored.lowerBound, second, key.count) == 0
            }
        }
    }

    private mutating func grow() {
        var larger = [UInt32](repeating: 0, count: slots.count * 2)
        for (index, entry) in entries.enumerated() {
            var slot = Self.hash(storage[entry.key]) & (larger.count - 1)
            while larger[slot] != 0 { slot = (slot + 1) & (larger.count - 1) }
            larger[slot] = UInt32(truncatingIfNeeded: index + 1)
        }
        slots = larger
    }

    /// Eight octets at a time, multiplied and folded as FNV-1a does with each. Keys come from the administrator, so nobody chooses
    /// them to collide.
    private static func hash(_ bytes: ArraySlice<UInt8>) -> Int {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
                value ^= value >> 29
                offset += 8
            }
            var rest: UInt64 = 0
            for byte in bytes[offset...] { rest = rest << 8 | UInt64(byte) }
            value = (value ^ rest ^ UInt64(bytes.count) << 56) &* 0x9e37_79b9_7f4a_7c15
        }
        return Int(truncatingIfNeeded: (value ^ value >> 32) & 0x7FFF_FFFF)
    }
}
