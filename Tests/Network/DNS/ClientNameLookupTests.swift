import DNS
import MailSyntax
import Testing

@Suite struct ClientNameLookupTests {
    let resolver = FakeResolver()
    let both = AddressFamilies(ipv4: true, ipv6: true)

    private func name(_ address: String) async throws -> ClientName {
        let address = try #require(IPAddress(address))
        return await ClientNameLookup(resolver: resolver, hosts: HostsFile(path: "/nonexistent"), families: both)
            .name(of: address)
    }

    @Test func aNameThatLeadsBackIsVerified() async throws {
        resolver.addClient("192.0.2.1", "mx.example.net")
        #expect(
            try await name("192.0.2.1")
                == ClientName(name: "mx.example.net", status: .ok, reverseName: "mx.example.net", reverseStatus: .ok))
    }

    @Test func aNameThatLeadsElsewhereIsForged() async throws {
        resolver.addClient("192.0.2.1", "mx.example.net")
        resolver.set("mx.example.net", .a, .noData)
        resolver.addHost("mx.example.net", "192.0.2.9")
        let result = try await name("192.0.2.1")
        #expect(result.name == "unknown" && result.status == .forged && result.reverseName == "mx.example.net")
        #expect(result.warnings == ["hostname mx.example.net does not resolve to address 192.0.2.1"])
    }

    @Test(arguments: [
        (DNSAnswer.noSuchDomain, ClientName.Status.forged, "Name or service not known"),
        (.noData, .forged, "No address associated with hostname"),
        (.temporaryFailure("x"), .temporaryFailure, "Temporary failure in name resolution"),
    ])
    func forwardFailures(answer: DNSAnswer, status: ClientName.Status, text: String) async throws {
        resolver.addClient("192.0.2.1", "mx.example.net")
        resolver.set("mx.example.net", .a, answer)
        let result = try await name("192.0.2.1")
        #expect(result.status == status && result.reverseStatus == .ok)
        #expect(result.warnings == ["hostname mx.example.net does not resolve to address 192.0.2.1: \(text)"])
    }

    @Test func reverseFailures() async throws {
        #expect(try await name("192.0.2.1") == ClientName(status: .notFound, reverseStatus: .notFound))
        resolver.set("2.2.0.192.in-addr.arpa", .ptr, .temporaryFailure("x"))
        #expect(
            try await name("192.0.2.2") == ClientName(status: .temporaryFailure, reverseStatus: .temporaryFailure))
    }

    @Test func theHostsFileComesFirst() async throws {
        var hosts = HostsFile.empty
        let address = try #require(IPAddress("::1"))
        hosts.add(address, names: ["localhost", "loopback"])
        let result = await ClientNameLookup(resolver: resolver, hosts: hosts, families: both).name(of: address)
        #expect(result.name == "localhost" && result.status == .ok && resolver.asked.isEmpty)
    }
}
