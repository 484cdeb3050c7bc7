/// Reads queue files as they lie on the simulated disk, without the code that is under test.
enum QueueContents {
    static let queues = ["incoming", "active", "deferred", "hold", "maildrop"]

    /// `number recipient` of each recipient that is still to do, of all messages.
    static func unfinished(_ disk: SimulatedDisk) -> Set<String> {
        var keys: Set<String> = []
        for (path, inode) in disk.files where queues.contains(where: { path.hasPrefix($0 + "/") }) {
            keys.formUnion(unfinished(inode.bytes))
        }
        return keys
    }

    private static func unfinished(_ bytes: [UInt8]) -> Set<String> {
        var recipients: [String] = []
        var number: String?
        var inHeader = false
        var index = 0
        while index < bytes.count {
            let type = bytes[index]
            index += 1
            var length = 0
            var shift = 0
            while index < bytes.count, shift < 28 {
                length |= Int(bytes[index] & 0x7F) << shift
                shift += 7
                index += 1
                if bytes[index - 1] & 0x80 == 0 { break }
            }
            guard index + length <= bytes.count else { break }
            let payload = bytes[index..<index + length]
            index += length
            switch type {
            case UInt8(ascii: "R"): recipients.append(String(decoding: payload, as: UTF8.self))
            case UInt8(ascii: "M"): inHeader = true
            case UInt8(ascii: "N") where inHeader:
                if payload.isEmpty { inHeader = false }
                let line = String(decoding: payload, as: UTF8.self)
                if line.hasPrefix("X-Seed-Id: ") { number = String(line.dropFirst("X-Seed-Id: ".count)) }
            default: break
            }
        }
        guard let number else { return [] }
        return Set(recipients.map { "\(number) \($0)" })
    }
}
