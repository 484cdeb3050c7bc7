import NIOCore
import Runtime
import Spool

extension SpareFiles {
    /// Spare files for the messages of a process, whose stock is given back when none has come for ten to twenty seconds.
    public static func watched(_ context: ProcessContext) -> SpareFiles {
        let (loop, pool) = (context.group.next(), context.pool)
        return SpareFiles(store: context.store, clock: context.clock) { watch($0, loop, pool) }
    }

    private static func watch(_ spares: SpareFiles, _ eventLoop: any EventLoop, _ pool: BlockingPool) {
        eventLoop.scheduleTask(in: .seconds(10)) {
            pool.submit { if spares.releaseUnused() { watch(spares, eventLoop, pool) } }
        }
    }
}
