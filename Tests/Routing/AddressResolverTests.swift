import Configuration
import Lookup
import MailSystem
import Routing
import Synchronization
import TestSupport
import Testing

/// The results are those of Debian's trivial-rewrite with the same settings.
@Suite struct AddressResolverTests {
    private static let settings = [
        "myhostname": "mail.home.example", "mydomain": "home.example", "myorigin": "$mydomain",
        "mydestination": "$myhostname, localhost", "virtual_alias_domains": "va.example, both.example",
        "inet_interfaces": "127.0.0.1", "proxy_interfaces": "127.0.0.1",
        "virtual_alias_maps": "inline:{{x@va.example=y@r.example}}",
        "virtual_mailbox_domains": "vm.example, both.example, localhost",
        "relay_domains": "relay.example, .rsub.example",
        "relocated_maps": "inline:{{gone@r.example=new@n.example},{gone@localhost=q@w}}",
        "parent_domain_matches_subdomains": "relay_domains", "compatibility_level": "3.6",
    ]

    private let sink = MemoryLogSink()

    private func resolver(_ more: [String: String] = [:]) -> AddressResolver {
        let parameters = Parameters(values: Self.settings.merging(more) { $1 })
        let log = MailLog(tag: "postfix/trivial-rewrite", sink: sink)
        return AddressResolver(parameters, opener: TableOpener(settings: TableSettings(), log: log), log: log)
    }

    private func show(_ result: Resolution) -> String {
        let problem =
            switch result.problem {
            case nil: ""
            case .invalidAddress: " ERROR"
            case .lookupFailure: " FAIL"
            }
        return "\(result.transport)|\(result.nexthop)|\(result.recipient)|\(result.addressClass)"
            + (result.isRouted ? " ROUTED" : "") + problem
    }

    @Test(arguments: [
        ("", "local|mail.home.example|MAILER-DAEMON@mail.home.example|local"), ("@a.", "smtp|a|@a|default"),
        ("@..", "||@..|default ERROR"), ("a!", "smtp|a|@a|default"), ("a!@", "smtp|a|@a|default"),
        ("a%", "||a@|default ERROR"),
        ("@b@", "smtp|b|@b|default"), ("a@b@", "smtp|b|a@b|default"), ("a!b@mail.home.example", "smtp|a|b@a|default"),
        ("a@b@mail.home.example", "smtp|b|a@b|default"), ("user@dom@dom2", "smtp|dom2|user@dom@dom2|default ROUTED"),
        ("a!b@dom2", "smtp|dom2|a!b@dom2|default ROUTED"), ("user@1.2.3.4", "||user@1.2.3.4|default ERROR"),
        ("user@[1.2.3.4]", "smtp|[1.2.3.4]|user@[1.2.3.4]|default"),
        ("u@[127.0.0.1].", "local|mail.home.example|u@[127.0.0.1]|local"),
        ("user@[::1]", "||user@[::1]|default ERROR"), ("user@host:port", "||user@host:port|default ERROR"),
        ("foo", "local|mail.home.example|foo@mail.home.example|local"),
        ("foo@LOCALHOST", "local|mail.home.example|foo@LOCALHOST|local"),
        ("foo@localhost@localhost", "local|mail.home.example|foo@localhost|local"),
        ("-foo@x", "||-foo@x|default ERROR"),
        ("foo!bar%baz@localhost", "smtp|foo|bar%baz@foo|default ROUTED"),
        ("@localhost", "local|mail.home.example|MAILER-DAEMON@localhost|local"),
        ("a@b@@", "smtp|b|a@b|default"), ("foo@@", "||foo@|default ERROR"),
        ("user@é.example", "smtp|é.example|user@é.example|default"),
        ("u@both.example", "error|5.1.1 User unknown in virtual alias table|u@both.example|virtualAlias"),
        ("u@vm.example", "virtual|vm.example|u@vm.example|virtualMailbox"),
        ("u@a.rsub.example", "smtp|a.rsub.example|u@a.rsub.example|default"),
        ("u@sub.relay.example", "relay|sub.relay.example|u@sub.relay.example|relay"),
        ("gone@localhost", "error|5.1.6 User has moved to q@w|gone@localhost|local"),
    ])
    func classes(address: String, expected: String) async {
        #expect(show(await resolver().resolve(sender: "s@x.example", recipient: address)) == expected)
    }

    @Test(arguments: [
        ("u@va.example", "error|5.1.1 User unknown in virtual alias table"), ("u@vm.example", "smtp|[vmx]"),
        ("u@relay.example", "relay|nh"), ("u@a.rsub.example", "w|any"), ("u@localhost", "tr2|localhost"),
        ("u@mail.home.example", "w|any"), ("u@r.example", "tr1|r.example"), ("u@s.r.example", "smtp|sub"),
        ("u@b.example", "smtp|[rh.example]:26"), ("u@c.example", "error|5.1.9 go away"), ("", "w|any"),
        ("u@d.example", "smtp|[h]:25 ,"), ("gone@r.example", "error|5.1.6 User has moved to new@n.example"),
    ])
    func transportMaps(address: String, expected: String) async {
        let result = await resolver([
            "relayhost": "[rh.example]:26",
            "transport_maps":
                "inline:{{u@va.example=smtp:x},{vm.example=smtp:[vmx]},{u@relay.example=:nh},{.r.example=smtp:sub},"
                + "{r.example=tr1:},{localhost=tr2},{*=w:any},{b.example=:},{c.example=error:5.1.9 go away},"
                + "{d.example=smtp:[h]:25 ,},{gone@r.example=tr3:}}",
        ]).resolve(sender: "s@x.example", recipient: address)
        #expect("\(result.transport)|\(result.nexthop)" == expected)
    }

    @Test(arguments: [
        ("u@r.example", "s@x.example", "smtp|srh"), ("u@r.example", "z@y.example", "smtp|[yrh]"),
        ("u@r.example", "", "nst|nullrh"), ("u@r.example", "k@x.example", "smtp|[rh]"),
        ("u@r.example", "T@X.example", "st|sn"),
        ("u@r.example", "u@x.example", "st2|[rh]"), ("u@r.example", "v@x.example", "|"),
        ("u@r.example", "w@x.example", "smtp|[rh]"),
        ("u@relay.example", "s@x.example", "relay|srh"), ("u@relay.example", "t@x.example", "relay|[rh]"),
        ("u@vm.example", "s@x.example", "virtual|vm.example"),
        ("u@localhost", "t@x.example", "local|mail.home.example"),
    ])
    func senderDependent(address: String, sender: String, expected: String) async {
        let result = await resolver([
            "relayhost": "[rh]",
            "sender_dependent_relayhost_maps":
                "inline:{{s@x.example=srh},{@y.example=[yrh]},{<>=nullrh},{k@x.example=DUNNO}}",
            "sender_dependent_default_transport_maps":
                "inline:{{t@x.example=st:sn},{u@x.example=st2:},{v@x.example=:sn3},{w@x.example=DUNNO},{<>=nst}}",
        ]).resolve(sender: sender, recipient: address)
        #expect("\(result.transport)|\(result.nexthop)" == expected)
    }

    @Test(arguments: [
        (["virtual_alias_domains": "fail:x", "virtual_mailbox_domains": "fail:x"], "u@localhost", "local"),
        (["virtual_alias_domains": "fail:x"], "u@other.example", ""),
        (
            ["virtual_alias_domains": "v.example", "virtual_mailbox_domains": "fail:x", "relay_domains": "fail:x"],
            "u@v.example", "error"
        ),
        (["virtual_mailbox_domains": "v.example", "relay_domains": "fail:x"], "u@v.example", "virtual"),
        (["relay_domains": "fail:x"], "u@other.example", ""),
    ])
    func listsThatFailMatterWhereTheyDecide(settings: [String: String], address: String, transport: String) async {
        #expect(await resolver(settings).resolve(sender: "s@x.example", recipient: address).transport == transport)
    }

    @Test func nexthopsOfTransports() async {
        let resolver = resolver([
            "default_transport": "error:no way", "local_transport": "local", "virtual_transport": "lmtp:unix:private/x",
            "resolve_numeric_domain": "yes", "resolve_null_domain": "yes", "allow_min_user": "yes",
        ])
        #expect(show(await resolver.resolve(sender: "", recipient: "u@1.2.3.4")) == "error|no way|u@[1.2.3.4]|default")
        #expect(
            show(await resolver.resolve(sender: "", recipient: "u@"))
                == "local|mail.home.example|u@mail.home.example|local")
        #expect(
            show(await resolver.resolve(sender: "", recipient: "u@localhost")) == "local|localhost|u@localhost|local")
        #expect(
            show(await resolver.resolve(sender: "", recipient: "-u@vm.example"))
                == "lmtp|unix:private/x|-u@vm.example|virtualMailbox")
    }

    @Test func failingTablesDefer() async {
        let first = await resolver(["transport_maps": "fail:x"]).resolve(sender: "", recipient: "u@r.example")
        #expect(first.isDeferred)
        let second = await resolver(["virtual_alias_domains": "fail:x"]).resolve(sender: "", recipient: "u@r.example")
        #expect(second.problem == .lookupFailure("virtual_alias_domains"))
        let local = await resolver(["relay_domains": "fail:x"]).resolve(sender: "", recipient: "u@mail.home.example")
        #expect(local.problem == nil)
        #expect(sink.records.contains { $0.text == "transport_maps lookup failure" })
    }

    @Test func warnsOnceOfADomainInTwoClasses() async {
        let resolver = resolver()
        for _ in 0..<3 { _ = await resolver.resolve(sender: "", recipient: "u@localhost") }
        let warnings = sink.records.filter { $0.severity == .warning }.map(\.text)
        #expect(warnings == ["do not list domain localhost in BOTH mydestination and virtual_mailbox_domains"])
    }
}
