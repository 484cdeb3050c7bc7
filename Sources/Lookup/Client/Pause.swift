import Glibc

/// Waiting on a thread of one's own.
enum Pause {
    static func seconds(_ seconds: Int) {
        let end = ClientSocket.deadline(seconds)
        while true {
            let left = end - ClientSocket.now()
            if left <= 0 { return }
            var time = timespec(tv_sec: left / 1000, tv_nsec: left % 1000 * 1_000_000)
            nanosleep(&time, nil)
        }
    }
}
