import MailSystem
import Testing

@Suite struct TaskDelayTests {
    @Test func waitsAsLongAsItIsToldAndNotInLine() async {
        let start = ContinuousClock.now
        await withTaskGroup(of: Duration.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    await TaskDelay.nanoseconds(50_000_000)
                    return ContinuousClock.now - start
                }
            }
            for await taken in group { #expect(taken >= .milliseconds(50)) }
        }
        await TaskDelay.seconds(-1)
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
