import Configuration
import MailSyntax
import Testing

@testable import Master

@Suite struct ProcessPlanTests {
    private func master(_ text: String) throws -> MasterConfiguration {
        try MasterConfiguration(Array(text.utf8), parameters: Parameters(values: ["compatibility_level": "3.6"]))
    }

    @Test func servicesShareProcessesByPrivilegeAndRoot() throws {
        let master = try master(
            """
            smtp inet n - y - - smtpd
            587 inet n - y - - smtpd -o syslog_name=postfix/submission
            10025 inet n - n - - smtpd
            pickup unix n - y 60 1 pickup
            qmgr unix n - n 300 1 qmgr
            smtp unix - - y - - smtp
            relay unix - - y - - smtp
            local unix - n n - - local
            dovecot unix - n n - - pipe user=nobody argv=/bin/true
            25 inet n - y - 1 postscreen
            """)
        let plan = ProcessPlan(master.services)
        #expect(
            plan.processes.map { "\($0.key.kind) \($0.key.isChrooted) \($0.services)" } == [
                "queue false [3, 4]", "receive false [2]", "receive true [0, 1]", "send true [5, 6]",
                "deliver false [7, 8]",
            ])
        #expect(plan.skipped.map(\.service) == [9])
    }

    @Test(arguments: [
        ("2525", "all", "all", ["0.0.0.0:2525", "[::]:2525"]),
        ("2525", "loopback-only", "ipv4", ["127.0.0.1:2525"]),
        ("2525", "192.0.2.1, [2001:db8::1], 192.0.2.1", "all", ["192.0.2.1:2525", "[2001:db8::1]:2525"]),
        ("[::1]:25", "all", "all", ["[::1]:25"]),
        ("127.0.0.1:smtp", "loopback-only", "all", ["127.0.0.1:25"]),
    ])
    func inetEndpoints(name: String, interfaces: String, protocols: String, expected: [String]) throws {
        let master = try master("\(name) inet n - n - - smtpd")
        let parameters = Parameters(values: ["inet_interfaces": interfaces, "inet_protocols": protocols])
        #expect(try EndpointAddress.of(master.services[0], parameters).map(\.description) == expected)
    }

    @Test func backOffGrowsAndForgets() {
        let slot = ProcessSlot(PlannedProcess(key: .init(kind: .receive, isChrooted: false), services: []))
        #expect((0..<9).map { _ in slot.noteFailure(after: 1, now: 0) } == [0, 1, 2, 4, 8, 16, 32, 60, 60])
        #expect(slot.noteFailure(after: 3600, now: 0) == 0)
    }
}
