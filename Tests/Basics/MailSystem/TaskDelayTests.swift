import CMailSystem
import MailSystem
import Synchronization
import Testing

@Suite struct TaskDelayTests {
    /// When a callback came. The threads of tasks may be busy with other tests; the timer's own is not.
    private final class Call: Sendable {
        let time = Mutex<ContinuousClock.Instant?>(nil)
    }

    @Test func callsComeInTheirTimeAndNotInLine() async {
        let start = ContinuousClock.now
        let calls = (0..<200).map { _ in Call() }
        for call in calls {
            let failure = apus_call_after(
                50_000_000,
                { context in
                    guard let context else { return }
                    let call = Unmanaged<Call>.fromOpaque(context).takeRetainedValue()
                    call.time.withLock { $0 = ContinuousClock.now }
                }, Unmanaged.passRetained(call).toOpaque())
            #expect(failure == 0)
        }
        // Behind the others.
        await TaskDelay.nanoseconds(100_000_000)
        #expect(ContinuousClock.now - start >= .milliseconds(100))
        for call in calls {
            let taken = call.time.withLock { $0 }.map { $0 - start }
            #expect(taken.map { $0 >= .milliseconds(50) && $0 < .seconds(5) } == true)
        }
    }

    @Test func noTimeIsNoWait() async { await TaskDelay.seconds(-1) }
}
