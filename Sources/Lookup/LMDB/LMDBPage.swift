/// One page of an LMDB file, read within its bounds only: a header of 16 octets, the places of the nodes, then free room,
/// then the nodes.
struct LMDBPage {
    struct Flags: OptionSet {
        let rawValue: Int
        static let branch = Flags(rawValue: 0x01)
        static let leaf = Flags(rawValue: 0x02)
        static let overflow = Flags(rawValue: 0x04)
        static let meta = Flags(rawValue: 0x08)
        /// Keys of one size without nodes, of databases with many values a key.
        static let keysOnly = Flags(rawValue: 0x20)
    }

    static let headerLength = 16

    let bytes: UnsafeRawBufferPointer

    /// Out of bounds: zero.
    func u16(_ offset: Int) -> Int {
        guard offset >= 0, offset <= bytes.count - 2 else { return 0 }
        return Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }

    func u32(_ offset: Int) -> UInt32 {
        guard offset >= 0, offset <= bytes.count - 4 else { return 0 }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func u64(_ offset: Int) -> UInt64 {
        guard offset >= 0, offset <= bytes.count - 8 else { return 0 }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    var number: UInt64 { u64(0) }
    var flags: Flags { Flags(rawValue: u16(10)) }
    var nodeCount: Int { max(0, u16(12) - Self.headerLength) / 2 }
    /// The nodes begin behind their places, and end with the page.
    var isConsistent: Bool { Self.headerLength <= u16(12) && u16(12) <= u16(14) && u16(14) <= bytes.count }

    func slice(_ start: Int, _ count: Int) throws(LMDBPages.Malformed) -> UnsafeRawBufferPointer {
        guard start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start else {
            throw LMDBPages.Malformed("a node is outside its page")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)])
    }

    /// - Parameter index: less than `nodeCount`.
    func node(_ index: Int) -> Node { Node(page: self, start: u16(Self.headerLength + 2 * index)) }

    /// An entry: 8 octets, the key, and in leaves the value.
    struct Node {
        let page: LMDBPage
        let start: Int

        private static let headerLength = 8
        private static let isElsewhere = 1
        private static let hasManyValues = 6

        /// Of a leaf: the page of its value and the value's length, when that has pages of its own.
        var overflow: (page: UInt64, length: Int)? {
            flags & Self.isElsewhere == 0 ? nil : (page.u64(valueStart), Int(low))
        }

        private var low: UInt64 { UInt64(page.u32(start)) }
        private var flags: Int { page.u16(start + 4) }
        private var keyLength: Int { page.u16(start + 6) }
        private var valueStart: Int { start + Self.headerLength + keyLength }

        /// Of a branch: where the keys from this one on are.
        var child: UInt64 { low | UInt64(flags) << 32 }

        var key: UnsafeRawBufferPointer {
            get throws(LMDBPages.Malformed) { try page.slice(start + Self.headerLength, keyLength) }
        }

        /// Of a leaf: the value that stands in the page.
        var inlineValue: UnsafeRawBufferPointer {
            get throws(LMDBPages.Malformed) {
                guard flags & Self.hasManyValues == 0 else { throw LMDBPages.Malformed("keys with many values") }
                return try page.slice(valueStart, Int(low))
            }
        }

        func value(_ pages: LMDBPages) throws(LMDBPages.Malformed) -> [UInt8] {
            if let (page, length) = overflow { return try pages.overflow(page, length: length) }
            return Array(try inlineValue)
        }
    }
}
