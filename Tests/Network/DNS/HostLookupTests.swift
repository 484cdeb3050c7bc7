import DNS
import MailSyntax
import Testing

@Suite struct HostLookupTests {
    let resolver = FakeResolver()

    private func addresses(_ name: String, _ families: String = "all", _ methods: [HostLookup.Method] = [.dns]) async
        -> HostAddresses
    {
        var hosts = HostsFile.empty
        if let address = IPAddress("192.0.2.77") { hosts.add(address, names: ["inhosts"]) }
        return await HostLookup(
            resolver: resolver, hosts: hosts, families: AddressFamilies(inetProtocols: families), methods: methods
        ).addresses(of: name)
    }

    @Test func enabledFamiliesOnly() async throws {
        resolver.addHost("h.example", "192.0.2.1", "2001:db8::1")
        let four = try #require(IPAddress("192.0.2.1"))
        let six = try #require(IPAddress("2001:db8::1"))
        #expect(await addresses("h.example") == .found([six, four]))
        #expect(await addresses("h.example", "ipv4") == .found([four]))
    }

    @Test func missingNamesAndFailures() async {
        resolver.set("mailonly.example", .mx, .noData)
        resolver.set("slow.example", .aaaa, .temporaryFailure(""))
        resolver.set("slow.example", .a, .noData)
        #expect(await addresses("none.example") == .notFound(.init("Host not found", type: .aaaa)))
        #expect(
            await addresses("mailonly.example")
                == .notFound(.init("Host found but no data record of requested type", type: .aaaa)))
        #expect(await addresses("slow.example") == .temporaryFailure(.init("Host not found, try again", type: .aaaa)))
    }

    @Test func theHostsFileCountsOnlyForNativeLookups() async throws {
        let address = try #require(IPAddress("192.0.2.77"))
        #expect(await addresses("inhosts") == .notFound(.init("Host not found", type: .aaaa)))
        #expect(await addresses("INHOSTS", "all", [.dns, .native]) == .found([address]))
    }
}
