import Glibc

/// Lookups in a Berkeley DB btree: keys in the order of their octets, a shorter key before what it begins.
struct BerkeleyTree {
    let root: UInt32

    typealias Malformed = BerkeleyPages.Malformed

    func get(_ key: [UInt8], _ pages: BerkeleyPages) throws(Malformed) -> [UInt8]? {
        var number = root
        // A tree of 32-bit page numbers is not deeper.
        for _ in 0..<64 {
            let page = try pages.page(number)
            switch page.type {
            case .treeInternal: number = try child(of: page, key, pages)
            case .treeLeaf: return try find(key, in: page, pages)
            case .unused: return nil
            default: throw Malformed("page \(number) is no btree page")
            }
        }
        throw Malformed("endless btree")
    }

    /// The page that holds `key` if any does: of the last entry that is not after it. The first entry has no key.
    private func child(
        of page: BerkeleyPage, _ key: [UInt8], _ pages: BerkeleyPages
    ) throws(Malformed) -> UInt32 {
        guard page.entryCount > 0 else { throw Malformed("empty internal page") }
        var low = 0
        var high = page.entryCount
        while high - low > 1 {
            let middle = (low + high) / 2
            let start = page.itemOffset(middle)
            let order: Int
            if Self.isOverflow(page.u8(start + 2)) {
                // The overflow item's own reference stands where the key would.
                order = Self.compare(key, try overflow(page, start + 12, pages))
            } else {
                order = OctetOrder.compare(key, try page.slice(start + 12, page.u16(start)))
            }
            if order < 0 { high = middle } else { low = middle }
        }
        return page.u32(page.itemOffset(low) + 4)
    }

    /// Keys and values alternate.
    private func find(
        _ key: [UInt8], in page: BerkeleyPage, _ pages: BerkeleyPages
    ) throws(Malformed) -> [UInt8]? {
        var low = 0
        var high = page.entryCount / 2
        while low < high {
            let middle = (low + high) / 2
            let start = page.itemOffset(2 * middle)
            let order: Int
            switch try kind(page, start) {
            case .plain: order = OctetOrder.compare(key, try page.slice(start + 3, page.u16(start)))
            case .overflow: order = Self.compare(key, try overflow(page, start, pages))
            }
            if order == 0 { return try value(page, page.itemOffset(2 * middle + 1), pages) }
            if order < 0 { high = middle } else { low = middle + 1 }
        }
        return nil
    }

    private static let deleted: UInt8 = 0x80

    private static func isOverflow(_ type: UInt8) -> Bool { type & ~deleted == 3 }

    private enum Kind {
        case plain
        case overflow
    }

    private func kind(_ page: BerkeleyPage, _ start: Int) throws(Malformed) -> Kind {
        let type = page.u8(start + 2)
        if Self.isOverflow(type) { return .overflow }
        guard type & ~Self.deleted == 1 else { throw Malformed("unknown kind of btree item") }
        return .plain
    }

    private func value(_ page: BerkeleyPage, _ start: Int, _ pages: BerkeleyPages) throws(Malformed) -> [UInt8]? {
        if page.u8(start + 2) & Self.deleted != 0 { return nil }
        switch try kind(page, start) {
        case .plain: return Array(try page.slice(start + 3, page.u16(start)))
        case .overflow: return try overflow(page, start, pages)
        }
    }

    private func overflow(_ page: BerkeleyPage, _ start: Int, _ pages: BerkeleyPages) throws(Malformed) -> [UInt8] {
        try pages.overflow(from: page.u32(start + 4), length: Int(page.u32(start + 8)))
    }

    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        right.withUnsafeBytes { OctetOrder.compare(left, $0) }
    }
}
