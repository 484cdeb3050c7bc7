import InternalProtocol
import Synchronization
import TestSupport
import Testing

@testable import Receive

@Suite struct FlowGateTests {
    /// The queue at the other end: says that it is behind, and remembers how long it was asked to wait.
    private final class FakeQueue: Sendable {
        let asked = Mutex<[Int]>([])
        let isBehind = Mutex(true)

        var caller: LoopbackConnection {
            var handlers = InternalHandlers()
            handlers.on(FlowRequest.self) { request in
                self.asked.withLock { $0.append(request.milliseconds) }
                return FlowReply(isBehind: self.isBehind.withLock { $0 })
            }
            return LoopbackConnection(handlers)
        }

        func waitAsked(_ count: Int) async {
            while asked.withLock({ $0.count }) < count { await Task.yield() }
        }
    }

    @Test func messagesWaitOnlyWhileTheQueueIsBehind() async {
        let queue = FakeQueue()
        let clock = SimulatedClock()
        let gate = FlowGate(queue: queue.caller, clock: clock)
        // The first one only asks, in the background, and those of the next moment not even that.
        await gate.pass(seconds: 1)
        await gate.pass(seconds: 1)
        await queue.waitAsked(1)
        #expect(queue.asked.withLock { $0 } == [0])
        // Once the answer is known each message waits, up to the time of in_flow_delay.
        while queue.asked.withLock({ $0.last }) != 3000 { await gate.pass(seconds: 3) }
        queue.isBehind.withLock { $0 = false }
        await gate.pass(seconds: 3)
        let count = queue.asked.withLock { $0.count }
        await gate.pass(seconds: 3)
        #expect(queue.asked.withLock { $0.count } == count)
    }

    @Test func zeroNeverAsks() async {
        let queue = FakeQueue()
        await FlowGate(queue: queue.caller, clock: SimulatedClock()).pass(seconds: 0)
        #expect(queue.asked.withLock { $0.isEmpty })
    }

    @Test func aQueueThatIsNotThereStopsNobody() async {
        let gate = FlowGate(queue: LoopbackConnection(InternalHandlers()), clock: SimulatedClock())
        for _ in 0..<3 { await gate.pass(seconds: 10) }
    }
}
