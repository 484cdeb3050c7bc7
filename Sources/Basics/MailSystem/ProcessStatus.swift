import CMailSystem
import Glibc

/// How a process ended.
public enum ProcessStatus: Sendable, Equatable {
    case exited(Int)
    case killed(signal: Int)

    /// From the status word of wait(2).
    public init(waitStatus status: CInt) {
        self =
            apus_signaled(status) != 0
            ? .killed(signal: Int(apus_term_signal(status))) : .exited(Int(apus_exit_status(status)))
    }

    /// Waits for a child; nil when it is not ours or `block` is false and it still runs.
    public static func wait(for pid: pid_t, block: Bool = true) -> ProcessStatus? {
        var status: CInt = 0
        while true {
            let got = waitpid(pid, &status, block ? 0 : WNOHANG)
            if got == pid { return ProcessStatus(waitStatus: status) }
            if got < 0, errno == EINTR { continue }
            return nil
        }
    }

    /// Ends this process without the handlers of exit(3): they take libraries (OpenSSL, libpq) apart while threads of
    /// table clients still end in them, and a process that dies of it has the wrong status. Nothing here writes through
    /// stdio, and what is opened is closed by then or can be left to the kernel.
    public static func leave(_ status: CInt) -> Never { _exit(status) }
}

/// Signals read from a descriptor instead of handlers.
public struct SignalDescriptor: Sendable {
    public let descriptor: CInt

    /// Blocks the signals. Make it before any thread is started.
    public init(_ signals: [CInt]) throws(SystemError) {
        descriptor = apus_signal_descriptor(signals, signals.count)
        if descriptor < 0 { throw SystemError("signalfd") }
    }

    /// The next pending signal without waiting, or nil.
    public func next() -> CInt? {
        let number = apus_next_signal(descriptor, nil)
        return number == 0 ? nil : number
    }
}

/// What this process may do.
public enum Privileges {
    public static var isRoot: Bool { geteuid() == 0 }

    /// Gives up the identity for good, in all threads.
    public static func drop(to identity: Spawn.Identity) throws(SystemError) {
        if apus_drop_privileges(identity.uid, identity.gid, identity.groups, identity.groups.count) != 0 {
            throw SystemError("drop privileges")
        }
    }

    public static func enterChroot(_ path: String) throws(SystemError) {
        if chroot(path) != 0 { throw SystemError("chroot", path: path) }
        if chdir("/") != 0 { throw SystemError("chdir", path: "/") }
    }

    /// Threads started later inherit it.
    public static func setNoNewPrivileges() { _ = apus_set_no_new_privileges() }

    /// Asks for the processor in few long slices, not at once whenever there is something to do: a process with many
    /// clients then finds the work of several when it runs, and does not take the processor from those who make it.
    /// Whoever sleeps meanwhile loses nothing. Where the kernel refuses, all stays as it was.
    public static func preferThroughput() { _ = apus_schedule_as_batch(20_000_000) }

    public static func ignoreBrokenPipes() { apus_ignore_signal(SIGPIPE) }
}

/// The environment of this process.
public enum ProcessEnvironment {
    /// `NAME=value` strings.
    public static var all: [String] {
        var values: [String] = []
        guard var entry = apus_environment() else { return values }
        while let text = entry.pointee {
            values.append(String(cString: text))
            entry += 1
        }
        return values
    }

    public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// crypt(3).
public enum PasswordHash {
    /// The hash of `phrase` under the salt and method of `setting`, or nil when the setting is not usable.
    public static func crypt(_ phrase: String, setting: String) -> String? {
        var result = [CChar](repeating: 0, count: 512)
        guard apus_crypt(phrase, setting, &result, result.count) == 0 else { return nil }
        return String(decoding: result.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
