import NIOConcurrencyHelpers

/// The process limit of a service: that many deliveries at a time, the others wait in line.
final class AsyncLimit: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
        var head = 0
    }

    private let isUnlimited: Bool
    private let state: NIOLockedValueBox<State>

    /// - Parameter limit: 0 for none.
    init(_ limit: Int) {
        isUnlimited = limit <= 0
        state = NIOLockedValueBox(State(free: max(limit, 1)))
    }

    func enter() async {
        guard !isUnlimited else { return }
        await withCheckedContinuation { continuation in
            let enters = state.withLockedValue { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if enters { continuation.resume() }
        }
    }

    func leave() {
        guard !isUnlimited else { return }
        let next = state.withLockedValue { state -> CheckedContinuation<Void, Never>? in
            guard state.head < state.waiting.count else {
                state.free += 1
                return nil
            }
            let next = state.waiting[state.head]
            state.head += 1
            if state.head == state.waiting.count {
                state.waiting = []
                state.head = 0
            }
            return next
        }
        next?.resume()
    }
}
