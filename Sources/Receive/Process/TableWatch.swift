import Lookup
import MailSystem
import Runtime
import Synchronization

/// Looks whether a table has changed since it was opened, at most once a second, when clients come: time for a new
/// generation of the process.
final class TableWatch: Sendable {
    private struct State {
        var checked: UInt64 = 0
        var isReported = false
    }

    private let openers: [TableOpener]
    private let pool: BlockingPool
    private let clock: any MailClock
    private let changed: @Sendable (String) -> Void
    private let state = Mutex(State())

    /// - Parameter changed: called once, with the table's name.
    init(
        openers: [TableOpener], pool: BlockingPool, clock: any MailClock, changed: @escaping @Sendable (String) -> Void
    ) {
        self.openers = openers
        self.pool = pool
        self.clock = clock
        self.changed = changed
    }

    func look() {
        let now = clock.monotonicNanoseconds()
        let isDue = state.withLock { state in
            guard !state.isReported, now &- state.checked >= 1_000_000_000 else { return false }
            state.checked = now
            return true
        }
        guard isDue else { return }
        pool.submit { [self] in
            guard let table = openers.lazy.flatMap(\.openTables).first(where: \.hasChanged) else { return }
            let isFirst = state.withLock { state in
                defer { state.isReported = true }
                return !state.isReported
            }
            if isFirst { changed(table.name) }
        }
    }
}
