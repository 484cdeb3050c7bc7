import CMailSystem
import Glibc

/// What the kernel refuses to this process from now on, with seccomp(2) and landlock(7). The list of allowed system calls
/// stands in `CMailSystem/Separation.c`. Old kernels have less: errors say so, and are no reason to stop.
public enum Separation {
    /// Where files may be changed and read, and which TCP ports may be bound.
    public struct FileLimits: Sendable, Equatable {
        /// Directories and files; empty: reading stays free.
        public var readable: [String]
        public var writable: [String]
        /// Files that are there may be written to; none is made, renamed or removed.
        public var updatable: [String]
        /// Sockets may be bound to a port that the kernel chooses. No other port can be bound in any case.
        public var mayBindAnyPort: Bool

        public init(
            readable: [String], writable: [String], updatable: [String] = [], mayBindAnyPort: Bool = false
        ) {
            self.readable = readable
            self.writable = writable
            self.updatable = updatable
            self.mayBindAnyPort = mayBindAnyPort
        }
    }

    /// The version of landlock that the kernel has; the second is the first that is of use. 0 without.
    public static var landlockVersion: Int { Int(apus_landlock_version()) }
    public static var hasCallFilter: Bool { apus_can_confine_calls() != 0 }

    /// Restricts this thread and those that it starts: call it before the first of them, with no_new_privs set. No
    /// program can be executed, and other processes get no signals and cannot be traced.
    public static func confineFiles(_ limits: FileLimits) throws(SystemError) {
        let status = withCStrings(limits.readable) { readable in
            withCStrings(limits.writable) { writable in
                withCStrings(limits.updatable) { updatable in
                    var request = apus_file_limits(
                        readable: readable, readable_count: limits.readable.count, writable: writable,
                        writable_count: limits.writable.count, updatable: updatable,
                        updatable_count: limits.updatable.count, may_bind_any_port: limits.mayBindAnyPort ? 1 : 0)
                    return apus_confine_files(&request)
                }
            }
        }
        if status != 0 { throw SystemError("landlock") }
    }

    /// Restricts all threads to the system calls of the list. What is refused returns EPERM.
    /// - Returns: a descriptor that becomes readable when a call was refused: see `refusedCalls`.
    public static func confineCalls() throws(SystemError) -> CInt {
        var report: CInt = -1
        if apus_confine_calls(&report) != 0 { throw SystemError("seccomp") }
        return report
    }

    /// Numbers of the system calls that were refused for the first time since the last call.
    public static func refusedCalls(_ report: CInt) -> [UInt32] {
        var numbers: [UInt32] = []
        var number: UInt32 = 0
        while read(report, &number, 4) == 4 { numbers.append(number) }
        return numbers
    }

    /// No socket starts to listen any more.
    public static func refuseListening() throws(SystemError) {
        if apus_refuse_listening() != 0 { throw SystemError("seccomp") }
    }

    /// For a process that keeps root's rights and starts programs.
    public static func confineRootCalls() throws(SystemError) {
        if apus_confine_root_calls() != 0 { throw SystemError("seccomp") }
    }

    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> R
    ) -> R {
        let copies = strings.map { UnsafePointer<CChar>(strdup($0)) }
        defer { for copy in copies { free(UnsafeMutablePointer(mutating: copy)) } }
        return copies.withUnsafeBufferPointer { body($0.baseAddress) }
    }

    /// The directories and files that cover all below `root` but what is `hidden`: beside each hidden directory its
    /// neighbours, and those of the directories above it. Symbolic links are left out: what they lead to has a path of
    /// its own. What is made later in the directories between `root` and a hidden one is not covered.
    /// - Parameter needsFile: tells which of the files that are neighbours are wanted.
    public static func everything(
        below root: String = "/", but hidden: [String], needsFile: (String) -> Bool
    ) -> [String] {
        let base = root == "/" ? "" : root
        if hidden.contains(where: { $0 == root }) { return [] }
        guard hidden.contains(where: { $0.hasPrefix(base + "/") }) else { return [root] }
        var found: [String] = []
        try? POSIXFileStore(root: "").list(root) { name in
            let path = "\(base)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFLNK else { return true }
            // The kernel holds what a rule names: the room of a removed file would come back only with our end.
            if status.st_mode & S_IFMT == S_IFREG, !needsFile(path) { return true }
            found += everything(below: path, but: hidden, needsFile: needsFile)
            return true
        }
        return found
    }
}
