import CMailSystem

/// How this process' memory is managed.
public enum ProcessMemory {
    /// Suits a daemon that takes and gives back many blocks of all sizes for each message. At the start.
    public static func tune() { apus_join_small_blocks_at_once() }
}
