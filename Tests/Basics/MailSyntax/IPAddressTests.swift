import MailSyntax
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("a:a:a:a:a:a:1.2.3.4", "a:a:a:a:a:a:102:304"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("fe80::1:2", "fe80::1:2"),
    ])
    func readsAndWrites(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1..3.4", ":::", ":", "1:2", "::1.2.3", "::1::", "g::",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "[::1]", "IPv6:::1", "1.2.3.4 ", "::1%eth0", "1::2:",
    ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func literals() {
        #expect(IPAddress.literal("[192.0.2.1]")?.description == "192.0.2.1")
        #expect(IPAddress.literal("[ipv6:2001:db8::1]")?.description == "2001:db8::1")
        #expect(IPAddress.literal("[2001:db8::1]") == nil)
        #expect(IPAddress.literal("[IPv6:1.2.3.4]") == nil)
        #expect(IPAddress("192.0.2.1")?.reverseName == "1.2.0.192.in-addr.arpa")
        #expect(IPAddress("::1")?.reverseName.hasPrefix("1.0.0.0.") == true)
        #expect(IPAddress("::ffff:192.0.2.1")?.unmapped.description == "192.0.2.1")
    }

    @Test(arguments: [
        ("168.100.3.0/28", "168.100.3.2", true), ("168.100.3.0/28", "168.100.3.16", false),
        ("[2001:240:5c7::]/64", "2001:240:5c7:0:2d0:b7ff:fe88:2ca8", true), ("::/0", "::1", true),
        ("2001:240:5c7::/64", "2001:24:5c7:0:2d0:b7ff:fe88:2ca8", false), ("0.0.0.0/0", "::1", false),
        ("127.0.0.1", "127.0.0.1", true), ("10.0.0.0/9", "10.128.0.0", false), ("0.0.0.0/0", "9.9.9.9", true),
    ])
    func networks(pattern: String, address: String, inside: Bool) throws {
        let network = try #require(IPNetwork(pattern))
        #expect(network.contains(try #require(IPAddress(address))) == inside)
    }

    @Test func networkProblems() {
        #expect(throws: IPNetwork.Problem.malformed("168.100.3.0/98")) { try IPNetwork(parsing: "168.100.3.0/98") }
        let error = #expect(throws: IPNetwork.Problem.self) { try IPNetwork(parsing: "10.0.0.1/8") }
        #expect(
            error?.description
                == "non-null host address bits in \"10.0.0.1/8\", perhaps you should use \"10.0.0.0/8\" instead")
    }
}
