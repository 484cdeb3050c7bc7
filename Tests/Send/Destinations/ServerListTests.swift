import DNS
import MailSyntax
import Testing

@testable import Send

@Suite struct ServerListTests {
    let resolver = FakeResolver()
    var settings = ClientSettings()
    var random = SystemRandomNumberGenerator()

    private func list(own: [String] = []) -> ServerList {
        ServerList(
            settings: settings,
            lookup: HostLookup(
                resolver: resolver, hosts: HostsFile(path: "/nonexistent"),
                families: AddressFamilies(ipv4: true, ipv6: true)),
            own: Set(own.compactMap { IPAddress($0) }))
    }

    private func mx(_ domain: String, _ preference: UInt16, _ host: String) {
        resolver.add(domain, .mx(preference: preference, host: host))
    }

    private func hosts(_ outcome: ServerList.Outcome) -> [String] {
        if case .servers(let servers) = outcome { servers.map { "\($0.host) \($0.address)" } } else { [] }
    }

    private func reason(_ outcome: ServerList.Outcome) -> String {
        switch outcome {
        case .failed(let failure): "\(failure.status) \(failure.reason)"
        case .loops(let failure): "loop \(failure.status) \(failure.reason)"
        case .servers: "found"
        }
    }

    @Test mutating func lowerPreferenceFirst() async {
        mx("x.test", 20, "b.test")
        mx("x.test", 10, "a.test")
        resolver.addHost("a.test", "192.0.2.1")
        resolver.addHost("b.test", "192.0.2.2")
        let outcome = await list().exchangers(of: "x.test", detectsLoops: true, using: &random)
        #expect(hosts(outcome) == ["a.test 192.0.2.1", "b.test 192.0.2.2"])
    }

    @Test mutating func withoutMXTheDomainIsTheHost() async {
        resolver.addHost("x.test", "192.0.2.1")
        let outcome = await list().exchangers(of: "x.test", detectsLoops: true, using: &random)
        #expect(hosts(outcome) == ["x.test 192.0.2.1"])
    }

    @Test mutating func failuresInWords() async {
        mx("null.test", 0, "")
        mx("dangling.test", 10, "gone.test")
        resolver.set("slow.test", .mx, .temporaryFailure("x"))
        let expected = [
            ("null.test", "5.1.0 Domain null.test does not accept mail (nullMX)"),
            (
                "none.test",
                "5.4.4 Host or domain name not found. Name service error for name=none.test type=AAAA: Host not found"
            ),
            (
                "dangling.test",
                "5.4.4 Host or domain name not found. Name service error for name=gone.test type=AAAA: Host not found"
            ),
            (
                "slow.test",
                "4.4.3 Host or domain name not found. Name service error for name=slow.test type=MX: "
                    + "Host not found, try again"
            ),
        ]
        for (domain, text) in expected {
            let outcome = await list().exchangers(of: domain, detectsLoops: true, using: &random)
            #expect(reason(outcome) == text)
        }
    }

    @Test mutating func onlyBetterServersThanThisOneAreUsed() async {
        mx("x.test", 5, "best.test")
        mx("x.test", 10, "me.test")
        mx("x.test", 10, "peer.test")
        mx("x.test", 20, "worse.test")
        resolver.addHost("best.test", "192.0.2.1")
        resolver.addHost("me.test", "192.0.2.2")
        resolver.addHost("peer.test", "192.0.2.3")
        resolver.addHost("worse.test", "192.0.2.4")
        let outcome = await list(own: ["192.0.2.2"]).exchangers(of: "x.test", detectsLoops: true, using: &random)
        #expect(hosts(outcome) == ["best.test 192.0.2.1"])
        let loop = await list(own: ["192.0.2.1"]).exchangers(of: "x.test", detectsLoops: true, using: &random)
        #expect(reason(loop) == "loop 5.4.6 mail for x.test loops back to myself")
        let other = await list(own: ["192.0.2.1"]).exchangers(of: "x.test", detectsLoops: false, using: &random)
        #expect(hosts(other).count == 4)
    }

    @Test mutating func theAddressLimitLeavesRoomForBothFamilies() async {
        settings.addressLimit = 2
        settings.addressPreference = "ipv6"
        for number in 1...4 { resolver.addHost("x.test", "2001:db8::\(number)") }
        resolver.addHost("x.test", "192.0.2.1")
        let outcome = await list().exchangers(of: "x.test", detectsLoops: false, using: &random)
        #expect(hosts(outcome).count == 2 && hosts(outcome).last == "x.test 192.0.2.1")
    }

    @Test(arguments: [
        ("example.test", ClientMode.smtp, Destination.domain("example.test", port: 25)),
        ("[mx.test]:587", .smtp, .host("mx.test", port: 587)), ("[192.0.2.1]", .smtp, .host("192.0.2.1", port: 25)),
        ("[2001:db8::1]:submission", .smtp, .host("2001:db8::1", port: 587)),
        ("unix:private/lmtp", .lmtp, .unix("private/lmtp")), ("inet:h.test:24", .lmtp, .host("h.test", port: 24)),
        ("h.test", .lmtp, .host("h.test", port: 25)),
    ])
    func nextHops(text: String, mode: ClientMode, destination: Destination) throws {
        #expect(try Destination(text, mode: mode, defaultPort: 25) == destination)
    }

    @Test func badNextHops() {
        #expect(throws: Destination.SyntaxError(reason: "unknown service: nonsense/tcp")) {
            try Destination("x.test:nonsense", mode: .smtp, defaultPort: 25)
        }
    }
}
