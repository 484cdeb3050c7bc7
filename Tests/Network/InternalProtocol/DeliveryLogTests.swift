import InternalProtocol
import MailSystem
import Testing

@Suite struct DeliveryLogTests {
    @Test(arguments: [
        (0.0, "0"), (0.004, "0"), (0.006, "0.01"), (0.05, "0.05"), (0.096, "0.1"), (0.12, "0.12"), (0.5, "0.5"),
        (1.23, "1.2"), (1.0, "1"), (9.96, "10"), (12.4, "12"), (125.2, "125"), (86400, "86400"),
    ])
    func delaysHaveTwoSignificantDigits(seconds: Double, text: String) {
        #expect(DeliveryLog.delay(seconds) == text)
    }

    @Test func theWholeLine() {
        let start = MailTime(seconds: 1000)
        let times = DeliveryTimes(
            arrived: start, active: MailTime(seconds: 1000, microseconds: 50_000), handed: MailTime(seconds: 1001),
            connected: MailTime(seconds: 1001, microseconds: 200_000), done: MailTime(seconds: 1013))
        let line = DeliveryLog.line(
            queueID: "4Xz", recipient: "a b@example.com", original: "x@example.com", relay: "mx[192.0.2.1]:25",
            connectionUse: 2, times: times, dsn: "2.0.0", status: "sent", text: "250 ok\u{7}")
        #expect(
            line == "4Xz: to=<\"a b\"@example.com>, orig_to=<x@example.com>, relay=mx[192.0.2.1]:25, conn_use=2, "
                + "delay=13, delays=0.05/0.95/0.2/12, dsn=2.0.0, status=sent (250 ok?)")
    }
}
