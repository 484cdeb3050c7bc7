/// Lookups in a Berkeley DB hash table: linear hashing, a chain of pages a bucket.
struct BerkeleyHash {
    private let maxBucket: UInt32
    private let highMask: UInt32
    private let lowMask: UInt32
    /// The first page of the buckets of each doubling.
    private let spares: [UInt32]

    typealias Malformed = BerkeleyPages.Malformed

    init(_ meta: BerkeleyPage) throws(Malformed) {
        maxBucket = meta.u32(72)
        highMask = meta.u32(76)
        lowMask = meta.u32(80)
        spares = (0..<32).map { meta.u32(96 + 4 * $0) }
        // The file holds the hash of a known text, so that nobody reads it with another hash function.
        guard meta.u32(92) == Self.hash(Array("%$sniglet^&".utf8) + [0]) else {
            throw Malformed("another hash function made this table")
        }
    }

    /// FNV-1 without its initial value.
    private static func hash(_ key: [UInt8]) -> UInt32 {
        var value: UInt32 = 0
        for byte in key { value = (value &* 16_777_619) ^ UInt32(byte) }
        return value
    }

    func get(_ key: [UInt8], _ pages: BerkeleyPages) throws(Malformed) -> [UInt8]? {
        let hash = Self.hash(key)
        var bucket = hash & highMask
        if bucket > maxBucket { bucket &= lowMask }
        // The number of bits of the bucket's number: which doubling it came with.
        let doubling = bucket == 0 ? 0 : 32 - bucket.leadingZeroBitCount
        guard doubling < spares.count else { throw Malformed("bucket out of range") }
        var number = bucket &+ spares[doubling]
        // Longer chains than the file has pages are rings.
        for _ in 0..<pages.longestChain {
            let page = try pages.page(number)
            switch page.type {
            case .hash, .hashUnsorted: break
            case .unused: return nil
            default: throw Malformed("page \(number) is no hash page")
            }
            if let index = try find(key, in: page, pages) { return try value(page, index + 1, pages) }
            number = page.next
            if number == 0 { return nil }
        }
        throw Malformed("endless bucket")
    }

    private static let plainItem: UInt8 = 1
    private static let overflowItem: UInt8 = 3

    /// The index of the key's item: keys and values alternate.
    private func find(
        _ key: [UInt8], in page: BerkeleyPage, _ pages: BerkeleyPages
    ) throws(Malformed) -> Int? {
        var end = pages.pageSize
        for index in stride(from: 0, to: page.entryCount - 1, by: 2) {
            let start = page.itemOffset(index)
            let length = end - start - 1
            end = page.itemOffset(index + 1)
            switch page.u8(start) {
            case Self.plainItem:
                if length == key.count, page.holds(key, at: start + 1) { return index }
            case Self.overflowItem:
                guard Int(page.u32(start + 8)) == key.count else { continue }
                if try pages.overflow(from: page.u32(start + 4), length: key.count) == key { return index }
            default: throw Malformed("unknown kind of key")
            }
        }
        return nil
    }

    private func value(
        _ page: BerkeleyPage, _ index: Int, _ pages: BerkeleyPages
    ) throws(Malformed) -> [UInt8] {
        let start = page.itemOffset(index)
        switch page.u8(start) {
        case Self.plainItem: return Array(try page.slice(start + 1, page.itemOffset(index - 1) - start - 1))
        case Self.overflowItem:
            return try pages.overflow(from: page.u32(start + 4), length: Int(page.u32(start + 8)))
        default: throw Malformed("a key with more than one value")
        }
    }
}
