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
    private let lastPage: UInt32
    private let swapped: Bool
    private let store: PageStore
    /// Bytes: nothing in the file is longer, and no chain has more links than the file has pages.
    private let fileSize: Int

    private static let hashMagic: UInt32 = 0x0006_1561
    private static let treeMagic: UInt32 = 0x0005_3162

    /// - Parameters:
    ///   - cacheSize: bytes of pages to keep.
    ///   - map: of the whole file, if there is one.
    init(descriptor: CInt, cacheSize: Int, map: FileMap? = nil) throws(Malformed) {
        guard let start = FileBytes.read(descriptor, at: 0, count: 512), start.count == 512 else {
            throw Malformed("no metadata page")
        }
        let read = start.withUnsafeBytes { bytes -> Result<(Kind, Int, UInt32, Bool), Malformed> in
            do throws(Malformed) { return .success(try Self.metadata(bytes)) } catch { return .failure(error) }
        }
        (kind, pageSize, lastPage, swapped) = try read.get()
        var status = stat()
        fileSize = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        // Pages within the file may never have been written; without this, those that were cut off would look the same.
        guard fileSize / pageSize > Int(lastPage) else { throw Malformed("the file ends before its last page") }
        store = PageStore(descriptor, pageSize: pageSize, cacheSize: cacheSize, map: map)
    }

    private static func metadata(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> (Kind, Int, UInt32, Bool) {
        var meta = BerkeleyPage(bytes: bytes, swapped: false)
        let magic = meta.u32(12)
        let known = [hashMagic, treeMagic]
        meta = BerkeleyPage(bytes: bytes, swapped: !known.contains(magic) && known.contains(magic.byteSwapped))
        let pageSize = Int(meta.u32(20))
        guard pageSize >= 512, pageSize <= 65_536, pageSize & (pageSize - 1) == 0 else {
            throw Malformed("unexpected file type or format")
        }
        // Encrypted pages, and pages with checksums, begin with other headers.
        guard meta.u8(24) == 0, meta.u8(26) & 1 == 0 else { throw Malformed("encrypted or checksummed table") }
        switch meta.u32(12) {
        case hashMagic: return (.hash(try BerkeleyHash(meta)), pageSize, meta.u32(32), meta.swapped)
        case treeMagic: return (.tree(root: meta.u32(88)), pageSize, meta.u32(32), meta.swapped)
        default: throw Malformed("unexpected file type or format")
        }
    }

    var longestChain: Int { fileSize / pageSize + 1 }

    var isTree: Bool { if case .tree = kind { true } else { false } }

    /// Good until the next call.
    func page(_ number: UInt32) throws(Malformed) -> BerkeleyPage {
        guard number <= lastPage else { throw Malformed("page \(number) is past the end") }
        let swapped = swapped
        let bytes = store.page(number) { BerkeleyPage(bytes: $0, swapped: swapped).type == .treeInternal }
        guard let bytes else { throw Malformed("page \(number) cannot be read") }
        return BerkeleyPage(bytes: bytes, swapped: swapped)
    }

    /// An item that has pages of its own.
    func overflow(from first: UInt32, length: Int) throws(Malformed) -> [UInt8] {
        guard length <= fileSize else { throw Malformed("overflow item longer than its file") }
        var result: [UInt8] = []
        var number = first
        while result.count < length, number != 0 {
            guard number <= lastPage, let bytes = store.overflowPage(number) else {
                throw Malformed("page \(number) cannot be read")
            }
            let page = BerkeleyPage(bytes: bytes, swapped: swapped)
            let count = page.usedOffset
            guard page.type == .overflow, count > 0 else { throw Malformed("bad overflow page \(number)") }
            result += try page.slice(BerkeleyPage.headerLength, count)
            number = page.next
        }
        guard result.count == length else { throw Malformed("incomplete overflow item") }
        return result
    }

    func get(_ key: [UInt8]) throws(Malformed) -> [UInt8]? {
        switch kind {
        case .hash(let hash): try hash.get(key, self)
        case .tree(let root): try BerkeleyTree(root: root).get(key, self)
        }
    }
}
