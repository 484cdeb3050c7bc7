import MailSystem
import Runtime

/// The lock of the queue: one process at a time, the next one when it ends.
final class SimulatedLock: @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    var holder: SimulatedProcess?
    private var waiting: [(SimulatedProcess, CheckedContinuation<Void, Never>)] = []

    fileprivate func take(_ process: SimulatedProcess) async {
        if holder == nil {
            holder = process
        } else {
            await withCheckedContinuation { waiting.append((process, $0)) }
        }
        process.atEnd.append { [weak self] in self?.release(process) }
    }

    fileprivate func release(_ process: SimulatedProcess) {
        guard holder === process else { return }
        holder = nil
        while let (next, continuation) = waiting.first {
            waiting.removeFirst()
            guard next.isAlive else {
                Graveyard.bury { _ = continuation }
                continue
            }
            holder = next
            next.world.schedule(after: 10_000, in: next) { continuation.resume() }
            return
        }
    }
}

struct SimulatedLockHandle: ProcessLock {
    private let lock: SimulatedLock
    private let process: SimulatedProcess

    init(_ lock: SimulatedLock, _ process: SimulatedProcess) {
        self.lock = lock
        self.process = process
    }

    func take(_ pool: BlockingPool) async throws(SystemError) { await lock.take(process) }

    func release() { lock.release(process) }
}
