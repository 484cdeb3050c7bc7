import Glibc
import MailSyntax
import MailSystem
import Spool

/// The files in `flush/`: for each eligible destination, the ids of messages that were deferred for it (flush(8)).
/// Calls block.
struct FlushList: Sendable {
    let directory: QueueDirectory

    /// The file name of a site: lower case, whatever is no letter or digit as `_`. Nil for what cannot be a domain.
    static func name(of site: String) -> QueueID? {
        let bare = site.utf8.filter { $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "]") }
        let bytes = bare.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return QueueID(String(decoding: bytes, as: UTF8.self))
    }

    func add(_ id: QueueID, to site: QueueID) throws(SystemError) {
        let path = directory.path(queue: "flush", id: site)
        let file: any StoredFile
        do {
            file = try directory.store.openForAppending(path, permissions: QueueFileMode.writing)
        } catch {
            guard error.errno == ENOENT else { throw error }
            try directory.makeParents(of: path)
            file = try directory.store.openForAppending(path, permissions: QueueFileMode.writing)
        }
        defer { file.close() }
        // Somebody who reads and empties the list holds it for a moment only.
        guard try file.tryLock(exclusive: true) else { return }
        try file.write(Array("\(id.text)\n".utf8), at: file.status().size)
    }

    /// Makes every message of the site's list ready for delivery, and empties the list.
    /// - Returns: how many messages were moved.
    func send(_ site: QueueID, now: MailTime) throws(SystemError) -> Int {
        let file: any StoredFile
        do {
            file = try directory.store.open(directory.path(queue: "flush", id: site), writing: true)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return 0
        }
        defer { file.close() }
        guard try file.tryLock(exclusive: true) else { return 0 }
        var moved = 0
        var last = ""
        try forEachLine(of: file) { line in
            guard line != last, let id = QueueID(line) else { return }
            last = line
            if release(id, now: now) { moved += 1 }
        }
        try file.truncate(to: 0)
        return moved
    }

    /// Moves a deferred message to incoming, to be delivered now, even if its destination is thought dead.
    func release(_ id: QueueID, now: MailTime) -> Bool {
        do {
            let path = directory.path(queue: "deferred", id: id)
            let status = try directory.store.status(path)
            guard status.isReadyQueueFile else { return false }
            try directory.store.setPermissions(path, status.permissions | QueueFileMode.unthrottle)
            try directory.store.setTimes(path, now)
            try directory.move(id, from: "deferred", to: "incoming")
            return true
        } catch {
            return false
        }
    }

    /// Sends what was not asked for in `refreshTime` seconds and removes empty lists older than `purgeTime`; both
    /// zero means everything.
    func refresh(now: MailTime, refreshTime: Int, purgeTime: Int) throws(SystemError) -> Int {
        let scan = directory.scan("flush")
        defer { scan.close() }
        var moved = 0
        while let entry = try scan.nextEntry() {
            guard let status = try? directory.store.status(entry.path), status.isRegularFile,
                let site = QueueID(entry.name)
            else { continue }
            if status.size == 0 {
                if now.seconds - status.modified.seconds >= purgeTime { try? directory.store.remove(entry.path) }
            } else if now.seconds - status.accessed.seconds >= refreshTime {
                moved += try send(site, now: now)
            }
        }
        return moved
    }

    private func forEachLine(of file: any StoredFile, _ body: (String) -> Void) throws(SystemError) {
        var offset = 0
        var rest: [UInt8] = []
        while true {
            let chunk = try file.read(at: offset, count: 64 << 10)
            if chunk.isEmpty { return }
            offset += chunk.count
            rest += chunk
            var start = 0
            while let end = rest[start...].firstIndex(of: 0x0a) {
                body(String(decoding: rest[start..<end], as: UTF8.self))
                start = end + 1
            }
            rest.removeFirst(start)
            if rest.count > 1024 { rest = [] }
        }
    }
}
