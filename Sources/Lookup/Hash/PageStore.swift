import Glibc

/// The pages of a Berkeley DB file, in memory of a fixed size; or in the file's own, where it is mapped. A page is good
/// until the next one of its kind (tree or hash, overflow) is asked for.
final class PageStore {
    let pageSize: Int
    private let descriptor: CInt
    private let map: FileMap?
    /// A page for each slot, then one for a page that has no slot, and one for overflow pages.
    private let memory: UnsafeMutableRawPointer
    /// The page in each slot; 0, which is never in one, for none.
    private var numbers: [UInt32]
    /// Pages that every lookup needs stay in their slots.
    private var stays: [Bool]

    /// - Parameter cacheSize: bytes of pages to keep.
    init(_ descriptor: CInt, pageSize: Int, cacheSize: Int, map: FileMap?) {
        self.descriptor = descriptor
        self.pageSize = pageSize
        self.map = map
        let slots = map == nil ? min(max(cacheSize / pageSize, 4), 4096) : 4
        numbers = Array(repeating: 0, count: slots)
        stays = Array(repeating: false, count: slots)
        memory = .allocate(byteCount: (slots + 2) * pageSize, alignment: 16)
    }

    deinit { memory.deallocate() }

    private func mapped(_ number: UInt32) -> UnsafeRawBufferPointer? {
        let start = Int(number) * pageSize
        guard let map, start + pageSize <= map.bytes.count else { return nil }
        return UnsafeRawBufferPointer(rebasing: map.bytes[start..<(start + pageSize)])
    }

    private func place(_ slot: Int) -> UnsafeMutableRawPointer { memory + slot * pageSize }

    private func page(at slot: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: place(slot), count: pageSize)
    }

    /// Nil when the file cannot be read.
    func page(_ number: UInt32, isKept: (UnsafeRawBufferPointer) -> Bool) -> UnsafeRawBufferPointer? {
        if let page = mapped(number) { return page }
        let slot = Int(number) % numbers.count
        if numbers[slot] == number, number != 0 { return page(at: slot) }
        let spare = numbers.count
        guard stays[slot] else {
            numbers[slot] = 0
            guard read(number, to: slot) else { return nil }
            numbers[slot] = number
            stays[slot] = isKept(page(at: slot))
            return page(at: slot)
        }
        guard read(number, to: spare) else { return nil }
        guard isKept(page(at: spare)) else { return page(at: spare) }
        place(slot).copyMemory(from: place(spare), byteCount: pageSize)
        numbers[slot] = number
        return page(at: slot)
    }

    func overflowPage(_ number: UInt32) -> UnsafeRawBufferPointer? {
        if let page = mapped(number) { return page }
        let slot = numbers.count + 1
        return read(number, to: slot) ? page(at: slot) : nil
    }

    private func read(_ number: UInt32, to slot: Int) -> Bool {
        let target = place(slot)
        guard let count = FileBytes.read(descriptor, at: Int(number) * pageSize, into: target, count: pageSize) else {
            return false
        }
        // Pages that were set aside but never written.
        if count < pageSize { memset(target + count, 0, pageSize - count) }
        return true
    }
}
