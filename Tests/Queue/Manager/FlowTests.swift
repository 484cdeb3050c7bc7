import InternalProtocol
import Testing

@testable import Queue

@Suite struct FlowTests {
    @Test func waitsWhileTheBacklogIsLong() async {
        let bench = ManagerBench(answer: delivered)
        #expect(await bench.manager.flow(FlowRequest(milliseconds: 60_000)) == FlowReply(isBehind: false))
        // Not started: what is announced piles up.
        for number in 0...QueueManager.backlogLimit { await bench.manager.arrived("4C0FFEE\(number)") }
        #expect(await bench.manager.flow(FlowRequest(milliseconds: 0)) == FlowReply(isBehind: true))
        #expect(await bench.manager.flow(FlowRequest(milliseconds: 1)) == FlowReply(isBehind: true))
        // Nothing of it is there: once the manager works, it is soon through.
        let waiting = Task { await bench.manager.flow(FlowRequest(milliseconds: 60_000)) }
        await bench.manager.start()
        #expect(await waiting.value == FlowReply(isBehind: false))
    }

    @Test func nobodyWaitsForAStoppedQueue() async {
        let bench = ManagerBench(answer: delivered)
        for number in 0...QueueManager.backlogLimit { await bench.manager.arrived("4C0FFEE\(number)") }
        let waiting = Task { await bench.manager.flow(FlowRequest(milliseconds: 60_000)) }
        await bench.manager.drain {}
        #expect(await waiting.value == FlowReply(isBehind: false))
    }
}
