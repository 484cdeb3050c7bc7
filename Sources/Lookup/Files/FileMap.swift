import Glibc

/// A file in memory. Only commands read tables so: a file that somebody truncates meanwhile ends the process.
///
/// `@unchecked Sendable`: nobody writes to the memory.
final class FileMap: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init?(_ descriptor: CInt, size: Int) {
        guard size > 0, let start = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            return nil
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

/// Reading at a place of a file.
enum FileBytes {
    /// How many bytes were read: fewer than `count` at the end of the file. Nil on errors.
    static func read(_ descriptor: CInt, at offset: Int, into target: UnsafeMutableRawPointer, count: Int) -> Int? {
        var filled = 0
        while filled < count {
            let got = pread(descriptor, target + filled, count - filled, off_t(offset + filled))
            if got < 0, errno == EINTR { continue }
            if got < 0 { return nil }
            if got == 0 { break }
            filled += got
        }
        return filled
    }

    /// Fewer bytes at the end of the file; nil on errors.
    static func read(_ descriptor: CInt, at offset: Int, count: Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            guard let got = read(descriptor, at: offset, into: base, count: count) else {
                failed = true
                return
            }
            filled = got
        }
        return failed ? nil : bytes
    }
}
