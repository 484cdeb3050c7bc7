import CMailSystem
import Glibc

/// How this process' memory is managed.
public enum ProcessMemory {
    /// Suits a daemon that takes and gives back many blocks of all sizes for each message, on many threads of which few
    /// run at a time. At the start.
    public static func tune() {
        apus_tune_allocator(CInt(min(max(2 * sysconf(CInt(_SC_NPROCESSORS_ONLN)), 4), 16)))
    }

    /// Gives the pages of freed memory back to the system. Takes milliseconds for a large heap.
    public static func giveBack() { apus_trim_heaps() }
}
