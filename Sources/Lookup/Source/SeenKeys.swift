/// Which keys a table that is being made may have already, by their hashes: "no" is certain, "perhaps" is for the table
/// to tell. Saves the table a search for nearly every key.
struct SeenKeys {
    /// 0 for none; the count is a power of two.
    private var slots: [UInt64]
    private var count = 0

    /// - Parameter expected: how many keys will come, roughly.
    init(expected: Int) {
        let room = max(64, min(expected, 1 << 26) * 2)
        slots = Array(repeating: 0, count: 1 << (Int.bitWidth - (room - 1).leadingZeroBitCount))
    }

    /// False when no such key has come before.
    mutating func mayHold(adding key: [UInt8]) -> Bool {
        let hash = Self.hash(key)
        guard insert(hash) else { return true }
        count += 1
        if count * 2 > slots.count {
            let old = slots
            slots = Array(repeating: 0, count: old.count * 2)
            for hash in old where hash != 0 { _ = insert(hash) }
        }
        return false
    }

    private mutating func insert(_ hash: UInt64) -> Bool {
        let mask = slots.count - 1
        return slots.withUnsafeMutableBufferPointer { slots in
            var slot = Int(truncatingIfNeeded: hash >> 16) & mask
            while slots[slot] != 0 {
                if slots[slot] == hash { return false }
                slot = (slot + 1) & mask
            }
            slots[slot] = hash
            return true
        }
    }

    /// Eight octets at a time; never 0. Keys come from the administrator, so nobody chooses them to collide.
    private static func hash(_ key: [UInt8]) -> UInt64 {
        key.withUnsafeBytes { bytes in
            var value = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
            var index = 0
            while index + 8 <= bytes.count {
                value = mixed(value ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                index += 8
            }
            var rest: UInt64 = 0
            while index < bytes.count {
                rest = rest << 8 | UInt64(bytes[index])
                index += 1
            }
            return max(mixed(value ^ rest), 1)
        }
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return high ^ low
    }
}
