import CMailSystem
import Glibc

/// The threads that run Swift's tasks in a daemon. libdispatch's own need /proc, which a chroot does not have: it stops
/// the process when work has piled up and it cannot look at its threads there.
public enum TaskThreads {
    /// Call once, before the first task.
    public static func start() throws(SystemError) {
        // More than processors: a task that computes must not keep the others waiting.
        let count = max(4, 2 * sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        let failure = apus_run_tasks_on_own_threads(CInt(clamping: count))
        if failure != 0 { throw SystemError("start threads", errno: failure) }
    }
}
