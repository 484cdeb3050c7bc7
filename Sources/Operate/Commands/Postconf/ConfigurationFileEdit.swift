import Glibc
import MailSystem
import Submission

/// Replaces a configuration file in one step: the new text goes to `FILE.tmp`, which is then renamed. A lock on that
/// file keeps a second editor out.
package enum ConfigurationFileEdit {
    package static func run(
        _ path: String, _ change: ([UInt8]) throws(CommandFailure) -> [UInt8]
    ) throws(CommandFailure) {
        let temporary = "\(path).tmp"
        let descriptor = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("open", temporary) }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw failure("lock", temporary) }
        var own = stat()
        var there = stat()
        guard fstat(descriptor, &own) == 0, stat(temporary, &there) == 0, own.st_ino == there.st_ino else {
            throw CommandFailure("\(path) is being edited by another program")
        }
        do {
            let old = try Files.read(path)
            CommandTrace.tell("\(path): \(old.count) bytes")
            let new = try change(old)
            try replace(path, temporary, descriptor, new)
        } catch let error as CommandFailure {
            unlink(temporary)
            throw error
        } catch let error as SystemError {
            unlink(temporary)
            throw CommandFailure("open \(path): \(error.reason)")
        } catch {
            unlink(temporary)
            throw CommandFailure("\(path): \(error)")
        }
    }

    private static func replace(
        _ path: String, _ temporary: String, _ descriptor: CInt, _ text: [UInt8]
    ) throws(CommandFailure) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure("stat", path) }
        guard ftruncate(descriptor, 0) == 0 else { throw failure("truncate", temporary) }
        do { try Descriptors.writeAll(text, to: descriptor) } catch { throw failure("write", temporary) }
        // The new file has the old one's owner and mode.
        if fchown(descriptor, status.st_uid, status.st_gid) != 0, geteuid() == 0 { throw failure("chown", temporary) }
        guard fchmod(descriptor, status.st_mode & 0o7777) == 0, fsync(descriptor) == 0 else {
            throw failure("write", temporary)
        }
        guard rename(temporary, path) == 0 else { throw failure("rename", temporary) }
        CommandTrace.tell("\(path): written, \(text.count) bytes")
    }

    private static func failure(_ operation: String, _ path: String) -> CommandFailure {
        CommandFailure("\(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

/// A physical line of a configuration file, and what it is part of.
struct ConfigurationLine {
    enum Kind {
        /// Empty, or a comment.
        case other
        /// The first line of an entry, or one that continues it.
        case start, continuation
    }

    let kind: Kind
    /// With its newline, if it has one.
    let text: ArraySlice<UInt8>

    static func split(_ text: [UInt8]) -> [ConfigurationLine] {
        var lines: [ConfigurationLine] = []
        var rest = text[...]
        var inEntry = false
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.endIndex
            let line = rest[..<end]
            rest = rest[end...]
            let visible = line.first { !($0 == 0x20 || ($0 >= 0x09 && $0 <= 0x0D)) }
            let indented = line.first == 0x20 || line.first == 0x09
            if visible == nil || visible == UInt8(ascii: "#") {
                lines.append(ConfigurationLine(kind: .other, text: line))
            } else if indented, inEntry {
                lines.append(ConfigurationLine(kind: .continuation, text: line))
            } else {
                lines.append(ConfigurationLine(kind: .start, text: line))
                inEntry = true
            }
        }
        return lines
    }
}
