import InternalProtocol
import MailSystem
import Synchronization

/// In-flow control of one process: a new message waits up to in_flow_delay while the queue is behind. Messages pay
/// nothing while it keeps up: the queue is asked in the background, a few times a second at most.
final class FlowGate: Sendable {
    private struct State {
        var isBehind = false
        var asked: UInt64 = 0
    }

    private static let interval: UInt64 = 100_000_000

    private let queue: any InternalCaller
    private let clock: any MailClock
    private let state = Mutex(State())

    init(queue: any InternalCaller, clock: any MailClock) {
        self.queue = queue
        self.clock = clock
    }

    /// - Parameter seconds: in_flow_delay; 0: never waits.
    func pass(seconds: Int) async {
        guard seconds > 0 else { return }
        let now = clock.monotonicNanoseconds()
        let (isBehind, isDue) = state.withLock { state in
            let isDue = state.asked == 0 || now &- state.asked >= Self.interval
            if isDue { state.asked = max(now, 1) }
            return (state.isBehind, isDue)
        }
        if isBehind {
            await ask(milliseconds: min(seconds, 10) * 1000)
        } else if isDue {
            Task { await ask(milliseconds: 0) }
        }
    }

    private func ask(milliseconds: Int) async {
        // A queue that does not answer is not waited for: the mail is safe on disk.
        let reply = try? await queue.call(FlowRequest(milliseconds: milliseconds))
        state.withLock { $0.isBehind = reply?.isBehind ?? false }
    }
}
