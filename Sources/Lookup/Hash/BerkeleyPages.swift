import Glibc

/// The pages of a Berkeley DB file, read through a descriptor: no path is needed, so a process behind a chroot follows a
/// file that is rewritten in place. Total: whatever the file holds, a page is either well-formed or an error.
///
/// The format is that of Berkeley DB 5.3's `db_dump -da`, which names each of the fields below.
struct BerkeleyPages {
    struct Malformed: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    enum Kind {
        case hash(BerkeleyHash)
        case tree(root: UInt32)
    }

    let kind: Kind
    let pageSize: Int
    private let descriptor: CInt
    private let lastPage: UInt32
    private let swapped: Bool
    /// Pages that were read, each in the one slot for its number.
    private var cache: [BerkeleyPage?]

    private static let hashMagic: UInt32 = 0x0006_1561
    private static let treeMagic: UInt32 = 0x0005_3162

    /// - Parameter cacheSize: bytes of pages to keep.
    init(descriptor: CInt, cacheSize: Int) throws(Malformed) {
        self.descriptor = descriptor
        guard let start = Self.read(descriptor, at: 0, count: 512), start.count == 512 else {
            throw Malformed("no metadata page")
        }
        var meta = BerkeleyPage(bytes: start, swapped: false)
        let magic = meta.u32(12)
        let known = [Self.hashMagic, Self.treeMagic]
        swapped = !known.contains(magic) && known.contains(magic.byteSwapped)
        meta = BerkeleyPage(bytes: start, swapped: swapped)
        pageSize = Int(meta.u32(20))
        guard pageSize >= 512, pageSize <= 65_536, pageSize & (pageSize - 1) == 0 else {
            throw Malformed("unexpected file type or format")
        }
        // Encrypted pages, and pages with checksums, begin with other headers.
        guard meta.u8(24) == 0, meta.u8(26) & 1 == 0 else { throw Malformed("encrypted or checksummed table") }
        lastPage = meta.u32(32)
        switch meta.u32(12) {
        case Self.hashMagic: kind = .hash(try BerkeleyHash(meta))
        case Self.treeMagic: kind = .tree(root: meta.u32(88))
        default: throw Malformed("unexpected file type or format")
        }
        cache = Array(repeating: nil, count: min(max(cacheSize / pageSize, 4), 4096))
    }

    var isTree: Bool { if case .tree = kind { true } else { false } }

    mutating func page(_ number: UInt32) throws(Malformed) -> BerkeleyPage {
        guard number <= lastPage else { throw Malformed("page \(number) is past the end") }
        let slot = Int(number) % cache.count
        if let page = cache[slot], page.u32(8) == number, number != 0 { return page }
        guard var bytes = Self.read(descriptor, at: Int(number) * pageSize, count: pageSize) else {
            throw Malformed("page \(number) cannot be read")
        }
        // Pages that were set aside but never written.
        if bytes.count < pageSize { bytes += Array(repeating: 0, count: pageSize - bytes.count) }
        let page = BerkeleyPage(bytes: bytes, swapped: swapped)
        // The pages that every lookup needs stay.
        if page.type == .treeInternal || cache[slot]?.type != .treeInternal { cache[slot] = page }
        return page
    }

    /// An item that has pages of its own.
    mutating func overflow(from first: UInt32, length: Int) throws(Malformed) -> [UInt8] {
        var result: [UInt8] = []
        var number = first
        while result.count < length, number != 0 {
            let page = try page(number)
            let count = page.usedOffset
            guard page.type == .overflow, count > 0 else { throw Malformed("bad overflow page \(number)") }
            result += try page.slice(BerkeleyPage.headerLength, count)
            number = page.next
        }
        guard result.count == length else { throw Malformed("incomplete overflow item") }
        return result
    }

    mutating func get(_ key: [UInt8]) throws(Malformed) -> [UInt8]? {
        switch kind {
        case .hash(let hash): try hash.get(key, &self)
        case .tree(let root): try BerkeleyTree(root: root).get(key, &self)
        }
    }

    /// Fewer bytes at the end of the file; nil on errors.
    private static func read(_ descriptor: CInt, at offset: Int, count: Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, offset + filled)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failed = true }
                if got <= 0 { return }
                filled += got
            }
        }
        return failed ? nil : bytes
    }
}

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

    let bytes: [UInt8]
    let swapped: Bool

    /// Out of bounds: zero.
    func u8(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    func u16(_ offset: Int) -> Int {
        let value = UInt16(u8(offset)) | UInt16(u8(offset + 1)) << 8
        return Int(swapped ? value.byteSwapped : value)
    }

    func u32(_ offset: Int) -> UInt32 {
        let low = UInt32(u8(offset)) | UInt32(u8(offset + 1)) << 8
        let value = low | UInt32(u8(offset + 2)) << 16 | UInt32(u8(offset + 3)) << 24
        return swapped ? value.byteSwapped : value
    }

    var next: UInt32 { u32(16) }
    var entryCount: Int { u16(20) }
    /// Where items begin; on overflow pages, how many bytes of the item the page has.
    var usedOffset: Int { u16(22) }
    var type: PageType? { PageType(rawValue: u8(25)) }

    /// Where item `index` begins.
    func itemOffset(_ index: Int) -> Int { u16(Self.headerLength + 2 * index) }

    func slice(_ start: Int, _ count: Int) throws(BerkeleyPages.Malformed) -> ArraySlice<UInt8> {
        guard start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start else {
            throw BerkeleyPages.Malformed("item outside its page")
        }
        return bytes[start..<(start + count)]
    }

    /// Whether the `key.count` bytes from `start` are `key`.
    func holds(_ key: [UInt8], at start: Int) -> Bool {
        guard start >= 0, start <= bytes.count, key.count <= bytes.count - start else { return false }
        return bytes.withUnsafeBytes { page in
            key.withUnsafeBytes { wanted in
                guard let base = page.baseAddress, let other = wanted.baseAddress else { return true }
                return memcmp(base + start, other, wanted.count) == 0
            }
        }
    }
}
