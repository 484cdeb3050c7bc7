import CMailSystem
import Glibc

/// A program to start. The only way processes are made: fork, identity, limits, descriptors and exec happen in one C
/// function, so no Swift runs between fork and exec.
public struct Spawn: Sendable {
    public struct Identity: Sendable, Hashable {
        public var uid: UInt32
        public var gid: UInt32
        public var groups: [UInt32]

        public init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
            self.uid = uid
            self.gid = gid
            self.groups = groups
        }
    }

    public enum Group: Sendable { case inherited, newProcessGroup, newSession }

    /// Absolute path.
    public var executable: String
    /// argv, with argv[0].
    public var arguments: [String]
    /// `NAME=value` strings; nothing else is passed on.
    public var environment: [String]
    /// Nil: stay who we are.
    public var identity: Identity?
    public var workingDirectory: String?
    public var chroot: String?
    public var fileMask: UInt32?
    /// Bytes, RLIMIT_FSIZE.
    public var fileSizeLimit: Int?
    public var openFilesLimit: Int?
    public var group = Group.newProcessGroup
    public var noNewPrivileges = false
    /// The kernel kills the child when the starting thread's process ends. Only from a thread that lives as long.
    public var parentDeathSignal: CInt = 0
    /// Writes into closed pipes and past `fileSizeLimit` fail instead of ending the program by a signal.
    public var ignoresWriteSignals = false
    /// Target descriptor number in the child → descriptor of this process. All others are closed in the child.
    public var descriptors: [CInt: CInt]

    public init(
        executable: String, arguments: [String], environment: [String] = [], descriptors: [CInt: CInt] = [:]
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
    }

    /// Starts it.
    /// - Returns: the process id; the caller waits for it.
    /// - Throws: the step that failed (`fork`, `chroot`, `setuid`, `exec` …), also when it failed in the child.
    public func start() throws(SystemError) -> pid_t {
        var failedStep: UnsafePointer<CChar>?
        var failure: CInt = 0
        let sources = descriptors.keys.sorted().map { descriptors[$0] ?? -1 }
        let targets = descriptors.keys.sorted()
        let pid = withCStrings(arguments) { argumentPointers in
            withCStrings(environment) { environmentPointers in
                executable.withCString { executablePointer in
                    withOptionalCString(workingDirectory) { directoryPointer in
                        withOptionalCString(chroot) { chrootPointer in
                            sources.withUnsafeBufferPointer { sourcePointer in
                                targets.withUnsafeBufferPointer { targetPointer in
                                    (identity?.groups ?? []).withUnsafeBufferPointer { groupPointer in
                                        var request = apus_spawn_request()
                                        request.executable = executablePointer
                                        request.arguments = argumentPointers
                                        request.environment = environmentPointers
                                        request.change_identity = identity == nil ? 0 : 1
                                        request.uid = identity?.uid ?? 0
                                        request.gid = identity?.gid ?? 0
                                        request.groups = groupPointer.baseAddress
                                        request.group_count = groupPointer.count
                                        request.chroot_directory = chrootPointer
                                        request.working_directory = directoryPointer
                                        request.file_mask = fileMask.map { CInt(truncatingIfNeeded: $0) } ?? -1
                                        request.new_session = group == .newSession ? 1 : 0
                                        request.new_process_group = group == .newProcessGroup ? 1 : 0
                                        request.no_new_privileges = noNewPrivileges ? 1 : 0
                                        request.file_size_limit = Int64(fileSizeLimit ?? -1)
                                        request.open_files_limit = Int64(openFilesLimit ?? -1)
                                        request.descriptor_sources = sourcePointer.baseAddress
                                        request.descriptor_targets = targetPointer.baseAddress
                                        request.descriptor_count = sources.count
                                        request.parent_death_signal = parentDeathSignal
                                        request.ignore_write_signals = ignoresWriteSignals ? 1 : 0
                                        let pid = apus_spawn(&request, &failedStep)
                                        failure = errno
                                        return pid
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        if pid < 0 {
            let step = failedStep.map { String(cString: $0) } ?? "spawn"
            throw SystemError(step, path: executable, errno: failure)
        }
        return pid
    }
}

/// A NULL-terminated array of C strings for the time of the call.
private func withCStrings<R>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> R
) -> R {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}

private func withOptionalCString<R>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}
