import InternalProtocol
import MailSystem
import TestSupport
import Testing

@testable import Send

@Suite struct SimpleAgentTests {
    /// As seen of Debian's error(8).
    @Test(arguments: [
        ("5.7.1 go away", false, "dsn=5.7.1, status=bounced (go away)"),
        ("no status here", false, "dsn=5.0.0, status=bounced (no status here)"),
        ("4.3.2 later please", true, "dsn=4.3.2, status=deferred (later please)"),
        ("just later", true, "dsn=4.0.0, status=deferred (just later)"),
    ])
    func errorAndRetry(nexthop: String, defers: Bool, log: String) async {
        let sink = MemoryLogSink()
        let agent = ErrorAgent(
            defers: defers, softBounce: false, log: MailLog(tag: "postfix/error", sink: sink), clock: SystemClock())
        let report = await agent.deliver(
            DeliveryRequest(
                service: "error", nexthop: nexthop, queueID: "4F00", sender: "",
                recipients: [.init(offset: 0, address: "a@x.test")]))
        #expect(report.results.map(\.outcome) == [defers ? .deferred : .bounced])
        #expect(sink.contains("4F00: to=<a@x.test>, relay=none, delay="))
        #expect(sink.contains(log))
    }
}
