import Configuration
import Glibc
import MailSystem

/// The wake-up column of master.cf: a trigger byte to the service's endpoint every so many seconds.
struct WakeUps {
    private struct Timer {
        var path: String
        var interval: Double
        var due: Double
    }

    private var timers: [Timer] = []

    init(_ master: MasterConfiguration) {
        for service in master.services {
            guard let wakeUp = service.wakeUp, service.kind == .unix || service.kind == .fifo,
                Self.triggered.contains(service.program)
            else { continue }
            let path = (service.isPrivate ? "private/" : "public/") + service.name
            timers.append(Timer(path: path, interval: Double(wakeUp.seconds), due: .infinity))
        }
    }

    /// The others keep their own time.
    private static let triggered: Set<String> = ["pickup", "qmgr", "oqmgr", "nqmgr", "flush"]

    mutating func begin(at now: Double) {
        for index in timers.indices { timers[index].due = now + timers[index].interval }
    }

    var next: Double? { timers.map(\.due).min() }

    /// Endpoints to trigger now.
    mutating func due(_ now: Double) -> [String] {
        var paths: [String] = []
        for index in timers.indices where timers[index].due <= now {
            timers[index].due = now + timers[index].interval
            paths.append(timers[index].path)
        }
        return paths
    }

    /// Writes the wake-up request `W`. A service that cannot take it now looks at its queue anyway when it starts.
    /// - Parameter request: other requests than that, written at once: a server takes them as a set.
    static func trigger(_ path: String, request: String = "W") {
        guard let status = Files.status(path) else { return }
        let descriptor: CInt
        if status.mode & 0o170000 == 0o010000 {
            descriptor = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        } else {
            descriptor = (try? Listeners.connectUnix(path: path, nonBlocking: true)) ?? -1
        }
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array(request.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}
