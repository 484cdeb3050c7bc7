import Glibc
import MailSystem
import NIOPosix
import Synchronization

/// A connection to a server through a library that blocks. Used by one thread at a time.
protocol BlockingClient: AnyObject, Sendable {}

/// Connections that lookups take in turn, on threads of their own: a server that hangs holds up the lookups of its table,
/// and nothing else.
final class ClientPool<Client: BlockingClient>: Sendable {
    private struct State {
        var idle: [(client: Client, since: UInt64)] = []
        var threads: NIOThreadPool?
        var waiting = 0
        var isReaping = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let idleSeconds: Int
    private let make: @Sendable () -> Client

    /// Longer queues of lookups only make each of them late.
    private static var waitingLimit: Int { 2_000 }
    /// A lookup that waited this long is given up: whoever asked has stopped listening, or will soon.
    private static var patienceSeconds: UInt64 { 60 }

    /// - Parameters:
    ///   - limit: connections at a time.
    ///   - idleSeconds: after which an unused connection is closed.
    init(limit: Int, idleSeconds: Int, make: @escaping @Sendable () -> Client) {
        self.limit = limit
        self.idleSeconds = max(idleSeconds, 1)
        self.make = make
    }

    deinit { state.withLock { $0.threads?.shutdownGracefully { _ in } } }

    /// Runs `body` with a connection that nobody else uses.
    /// - Parameter table: named in the error when too many wait.
    func run<Value: Sendable>(
        for table: String, _ body: @escaping @Sendable (Client) -> Value
    ) async throws(LookupError) -> Value {
        let overload = LookupError(table: table, reason: "too many lookups are waiting")
        let threads = state.withLock { state -> NIOThreadPool? in
            guard state.waiting < Self.waitingLimit else { return nil }
            state.waiting += 1
            if let threads = state.threads { return threads }
            let threads = NIOThreadPool(numberOfThreads: limit)
            threads.start()
            state.threads = threads
            return threads
        }
        guard let threads else { throw overload }
        defer { state.withLock { $0.waiting -= 1 } }
        let asked = Self.now()
        let value: Value?
        do {
            value = try await threads.runIfActive { [self] in
                guard Self.now() &- asked < Self.patienceSeconds * 1_000_000_000 else { return nil }
                let client = state.withLock { $0.idle.popLast()?.client } ?? make()
                defer { release(client) }
                return body(client)
            }
        } catch {
            throw overload
        }
        guard let value else { throw overload }
        return value
    }

    private func release(_ client: Client) {
        let starts = state.withLock { state in
            state.idle.append((client, Self.now()))
            defer { state.isReaping = true }
            return !state.isReaping
        }
        guard starts else { return }
        Task { [weak self, idleSeconds] in
            repeat {
                await TaskDelay.seconds(idleSeconds)
            } while await self?.reap() ?? false
        }
    }

    /// Closes what nobody used for long. Returns whether there is more to come.
    private func reap() async -> Bool {
        guard let threads = state.withLock({ $0.threads }) else { return false }
        // Closing may talk to the server: not on a thread of tasks.
        return (try? await threads.runIfActive { [self] in removeOld() }) ?? false
    }

    private func removeOld() -> Bool {
        let now = Self.now()
        var old: [Client] = []
        let goesOn = state.withLock { state in
            let limit = UInt64(idleSeconds) * 1_000_000_000
            old = state.idle.filter { now &- $0.since >= limit }.map(\.client)
            state.idle.removeAll { now &- $0.since >= limit }
            state.isReaping = !state.idle.isEmpty || state.waiting > 0
            return state.isReaping
        }
        old.removeAll()
        return goesOn
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
