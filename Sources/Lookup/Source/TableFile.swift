import Glibc

/// Reads a table's source text.
enum TableFile {
    struct Failure: Error {
        let operation: String
        let errno: CInt

        /// `open /x: No such file or directory`.
        func text(_ path: String, opening: String = "open") -> String {
            "\(operation == "open" ? opening : operation) \(path): \(String(cString: strerror(errno)))"
        }
    }

    static func read(_ path: String) throws(Failure) -> [UInt8] { try readWithOwner(path).text }

    /// The whole file. Read again when it was modified meanwhile: an editor's half-written file is not taken for all.
    static func readWithOwner(_ path: String) throws(Failure) -> (text: [UInt8], owner: TableOwner) {
        var attempts = 0
        while true {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Failure(operation: "open", errno: errno) }
            defer { close(descriptor) }
            let before = try status(descriptor)
            let bytes = try readAll(descriptor)
            let after = try status(descriptor)
            attempts += 1
            let same =
                before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec
                && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec
            if same || attempts == 5 { return (bytes, TableOwner(uid: after.st_uid)) }
        }
    }

    private static func status(_ descriptor: CInt) throws(Failure) -> stat {
        var result = stat()
        guard fstat(descriptor, &result) == 0 else { throw Failure(operation: "stat", errno: errno) }
        return result
    }

    /// All that can be read from `descriptor`.
    static func readAll(_ descriptor: CInt) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure(operation: "read", errno: errno)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
