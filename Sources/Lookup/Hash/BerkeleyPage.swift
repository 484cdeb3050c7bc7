import Glibc

/// One page: its header, and bytes that are read within bounds only.
struct BerkeleyPage {
    enum PageType: UInt8 {
        case unused = 0
        case hashUnsorted = 2
        case treeInternal = 3
        case treeLeaf = 5
        case overflow = 7
        case hash = 13
    }

    static let headerLength = 26

    let bytes: UnsafeRawBufferPointer
    let swapped: Bool

    /// Out of bounds: zero.
    func u8(_ offset: Int) -> UInt8 { offset >= 0 && offset < bytes.count ? bytes[offset] : 0 }

    func u16(_ offset: Int) -> Int {
        guard offset >= 0, offset <= bytes.count - 2 else { return 0 }
        let value = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        return Int(swapped ? value.byteSwapped : value)
    }

    func u32(_ offset: Int) -> UInt32 {
        guard offset >= 0, offset <= bytes.count - 4 else { return 0 }
        let value = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        return swapped ? value.byteSwapped : value
    }

    var next: UInt32 { u32(16) }
    var entryCount: Int { u16(20) }
    /// Where items begin; on overflow pages, how many bytes of the item the page has.
    var usedOffset: Int { u16(22) }
    var type: PageType? { PageType(rawValue: u8(25)) }

    /// Where item `index` begins.
    func itemOffset(_ index: Int) -> Int { u16(Self.headerLength + 2 * index) }

    func slice(_ start: Int, _ count: Int) throws(BerkeleyPages.Malformed) -> UnsafeRawBufferPointer {
        guard start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start else {
            throw BerkeleyPages.Malformed("item outside its page")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)])
    }

    /// Whether the `key.count` bytes from `start` are `key`.
    func holds(_ key: [UInt8], at start: Int) -> Bool {
        guard start >= 0, start <= bytes.count, key.count <= bytes.count - start else { return false }
        return key.withUnsafeBytes { wanted in
            guard let base = bytes.baseAddress, let other = wanted.baseAddress else { return true }
            return memcmp(base + start, other, wanted.count) == 0
        }
    }
}
