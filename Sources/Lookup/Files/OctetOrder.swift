import Glibc

/// The order of keys in trees on disk: octet by octet, a key before those that it begins.
enum OctetOrder {
    /// - Returns: negative, zero or positive, as memcmp(3).
    static func compare(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Int {
        left.withUnsafeBytes { left in
            let common = min(left.count, right.count)
            if common > 0, let first = left.baseAddress, let second = right.baseAddress {
                let order = memcmp(first, second, common)
                if order != 0 { return Int(order) }
            }
            return left.count - right.count
        }
    }
}
