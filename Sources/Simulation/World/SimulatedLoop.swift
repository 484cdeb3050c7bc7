import Dispatch
import NIOCore

/// The event loop of a simulated process.
final class SimulatedLoop: EventLoop, @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    private unowned let process: SimulatedProcess
    private let world: World

    init(_ process: SimulatedProcess) {
        self.process = process
        world = process.world
    }

    var inEventLoop: Bool { world.isInLoop && world.current === process }

    var now: NIODeadline { .uptimeNanoseconds(world.now) }

    func execute(_ task: @escaping @Sendable () -> Void) { process.add(task) }

    @discardableResult
    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let due = deadline.uptimeNanoseconds
        let process = process
        let token = world.schedule(after: due > world.now ? due - world.now : 0, in: process) {
            process.add {
                do {
                    promise.assumeIsolatedUnsafeUnchecked().succeed(try task())
                } catch {
                    promise.fail(error)
                }
            }
        }
        let box = Unchecked(token)
        return Scheduled(
            promise: promise,
            cancellationTask: {
                box.value.isCancelled = true
                promise.fail(EventLoopError.cancelled)
            })
    }

    @discardableResult
    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        callback(nil)
    }

    func preconditionInEventLoop(file: StaticString, line: UInt) {
        precondition(inEventLoop, file: file, line: line)
    }

    func preconditionNotInEventLoop(file: StaticString, line: UInt) {
        precondition(!inEventLoop, file: file, line: line)
    }
}

/// Something that stays on the world's thread.
struct Unchecked<T>: @unchecked Sendable {
    let value: T
    init(_ value: T) { self.value = value }
}
