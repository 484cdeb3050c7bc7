import Synchronization

/// Something that happens once. Tests wait for it instead of for a time.
public final class Signal: Sendable {
    private enum State {
        case waited([CheckedContinuation<Void, Never>])
        case isSet
    }

    private let state = Mutex(State.waited([]))

    public init() {}

    public var isSet: Bool {
        state.withLock { if case .isSet = $0 { true } else { false } }
    }

    public func set() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .waited(let waiters) = state else { return [] }
            state = .isSet
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns at once when it has happened already.
    public func wait() async {
        await withCheckedContinuation { continuation in
            let passed = state.withLock { state in
                guard case .waited(let waiters) = state else { return true }
                state = .waited(waiters + [continuation])
                return false
            }
            if passed { continuation.resume() }
        }
    }
}
