import Glibc
import MailSystem

/// One-byte messages that wake a service (sendprotocols.md §2).
public enum Trigger {
    /// Sends `request` to `public/pickup` or the like, below the current directory.
    /// - Parameter timeout: trigger_timeout, seconds.
    public static func send(_ path: String, _ request: [UInt8], timeout: Int) throws(SystemError) {
        CommandTrace.tell("connect to \(path), send \(CommandTrace.quoted(request))")
        let descriptor = try Listeners.connectUnix(path: path)
        defer { Descriptors.close(descriptor) }
        Descriptors.setNonBlocking(descriptor)
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let milliseconds = CInt(clamping: max(0, min(timeout, 100_000)) * 1000)
        guard poll(&entry, 1, milliseconds) > 0 else { throw SystemError("write", path: path, errno: ETIMEDOUT) }
        try Descriptors.writeAll(request, to: descriptor, path: path)
    }

    /// As above; a failure is a warning in Postfix's words.
    /// - Parameter quietWhenDown: a mail system that does not run is no reason to warn.
    public static func trySend(
        _ path: String, _ request: [UInt8], context: CommandContext, quietWhenDown: Bool = false
    ) -> Bool {
        do {
            try send(path, request, timeout: context.parameters.seconds("trigger_timeout"))
            return true
        } catch {
            if error.errno == ECONNREFUSED, quietWhenDown {
                // The socket of a stopped mail system: it looks for mail when it starts.
            } else if error.errno == ENOENT {
                context.log.warning("unable to look up \(path): \(error.reason)")
            } else {
                context.log.warning("connect to \(path): \(error.reason)")
            }
            return false
        }
    }
}
