import InternalProtocol
import MailSystem
import Testing

@testable import Queue

struct AnvilTableTests {
    private let peer = InternalPeer(id: 1)
    private let wall = MailTime(seconds: 1_795_428_000)

    private func at(_ seconds: Int) -> Moment { Moment(nanoseconds: 0).adding(seconds: seconds) }
    private func request(_ event: AnvilEvent, _ client: String = "192.0.2.1") -> AnvilRequest {
        AnvilRequest(event: event, service: "smtp", client: client)
    }

    @Test func countsAndRates() {
        var table = AnvilTable(rateUnit: 60)
        _ = table.note(request(.connect), from: peer, now: at(1), wall: wall)
        let second = table.note(request(.connect), from: peer, now: at(2), wall: wall)
        #expect(second.connectionCount == 2 && second.connectionRate == 2)
        _ = table.note(request(.disconnect), from: peer, now: at(3), wall: wall)
        let message = table.note(request(.message), from: peer, now: at(4), wall: wall)
        #expect(message.connectionCount == 1 && message.messageRate == 1 && message.connectionRate == 2)
        let later = table.note(request(.message), from: peer, now: at(62), wall: wall)
        #expect(later.connectionCount == 1 && later.messageRate == 1 && later.connectionRate == 0)
    }

    @Test func aDeadServerReleasesItsClients() {
        var table = AnvilTable(rateUnit: 60)
        for _ in 0..<3 { _ = table.note(request(.connect), from: peer, now: at(1), wall: wall) }
        table.forget(peer)
        #expect(table.note(request(.lookup), from: peer, now: at(2), wall: wall).connectionCount == 0)
    }

    @Test func clientsAreForgottenAfterTheTimeUnit() {
        var table = AnvilTable(rateUnit: 60)
        for index in 0..<1000 { _ = table.note(request(.message, "c\(index)"), from: peer, now: at(1), wall: wall) }
        _ = table.note(request(.message, "last"), from: peer, now: at(200), wall: wall)
        #expect(table.size == 1)
    }

    @Test func statisticsLines() {
        var table = AnvilTable(rateUnit: 60)
        _ = table.note(request(.connect), from: peer, now: at(1), wall: wall)
        _ = table.note(request(.auth), from: peer, now: at(1), wall: wall)
        #expect(
            table.statistics { _ in "Nov 23 10:00:00" } == [
                "statistics: max connection rate 1/60s for (smtp:192.0.2.1) at Nov 23 10:00:00",
                "statistics: max connection count 1 for (smtp:192.0.2.1) at Nov 23 10:00:00",
                "statistics: max auth rate 1/60s for (smtp:192.0.2.1) at Nov 23 10:00:00",
                "statistics: max cache size 1 at Nov 23 10:00:00",
            ])
        #expect(table.statistics { _ in "" }.isEmpty)
    }
}
