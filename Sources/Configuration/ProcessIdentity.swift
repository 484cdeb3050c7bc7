import Glibc

/// `$process_id`
enum ProcessIdentity {
    static var text: String { String(getpid()) }
}
