import Configuration
import Testing

@testable import Receive

/// What needs a DNS or a login: the dialogue's last line is the answer.
struct RestrictionTests {
    static let zone = """
        7.100.51.198.bl.example A 127.0.0.2
        7.100.51.198.bl.example TXT see http://bl.example/?ip=198.51.100.7
        bad.example.rhs.example A 127.0.0.4
        good.example.wl.example A 127.0.0.2
        down.example SERVFAIL
        good.example MX 10 mx.good.example
        mx.good.example A 192.0.2.10
        only-a.example A 192.0.2.11
        nullmx.example MX 0 .
        7.100.51.198.down.bl SERVFAIL
        ns.example NS ns1.evil.example
        ns1.evil.example A 203.0.113.5
        """

    @Test(arguments: [
        (
            "client_restrictions reject_rbl_client,bl.example", "rcpt x@local.example",
            "554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using bl.example; "
                + "see http://bl.example/?ip=198.51.100.7"
        ),
        ("client_restrictions reject_rbl_client,bl.example=127.0.0.[3..4]", "rcpt x@local.example", "OK"),
        ("client_restrictions reject_rbl_client,down.bl", "rcpt x@local.example", "OK"),
        (
            "client_restrictions reject_rbl_client,bl.example=127.0.[0;1].[1..2]", "rcpt x@local.example",
            "554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using bl.example; "
                + "see http://bl.example/?ip=198.51.100.7"
        ),
        (
            "sender_restrictions reject_rhsbl_sender,rhs.example", "mail a@bad.example\nrcpt x@local.example",
            "554 5.7.1 Service unavailable; Sender address [a@bad.example] blocked using rhs.example"
        ),
        (
            "sender_restrictions reject_unknown_sender_domain", "mail a@nowhere.example\nrcpt x@local.example",
            "450 4.1.8 <a@nowhere.example>: Sender address rejected: Domain not found"
        ),
        ("sender_restrictions reject_unknown_sender_domain", "mail a@only-a.example\nrcpt x@local.example", "OK"),
        (
            "sender_restrictions reject_unknown_sender_domain", "mail a@down.example\nrcpt x@local.example",
            "450 4.1.8 <a@down.example>: Sender address rejected: Domain not found"
        ),
        (
            "sender_restrictions reject_unknown_sender_domain", "mail a@down.example\nrcpt x@other.example",
            "554 5.7.1 <x@other.example>: Relay access denied"
        ),
        (
            "sender_restrictions reject_unknown_sender_domain", "mail a@nullmx.example\nrcpt x@local.example",
            "550 5.7.27 <a@nullmx.example>: Sender address rejected: "
                + "Domain nullmx.example does not accept mail (nullMX)"
        ),
        (
            "helo_restrictions reject_unknown_helo_hostname", "helo nowhere.example\nrcpt x@local.example",
            "450 4.7.1 <nowhere.example>: Helo command rejected: Host not found"
        ),
        (
            "sender_restrictions check_sender_ns_access,inline:{evil.example=reject}",
            "mail a@ns.example\nrcpt x@local.example",
            "554 5.7.1 <a@ns.example>: Sender address rejected: Access denied"
        ),
        (
            "sender_restrictions check_sender_mx_access,inline:{192.0.2=reject}",
            "mail a@good.example\nrcpt x@local.example",
            "554 5.7.1 <a@good.example>: Sender address rejected: Access denied"
        ),
        (
            "sender_restrictions check_sender_mx_access,inline:{192.0.2.10=ok}",
            "mail a@good.example\nrcpt x@local.example", "451 4.3.5 Server configuration error"
        ),
    ])
    func asksTheDNS(list: String, commands: String, answer: String) async {
        let last = await self.answer(to: list + "\n" + commands)
        #expect(last == answer)
    }

    @Test(arguments: [
        ("reject_sender_login_mismatch", "", "a@b.example", "not logged in"),
        ("reject_sender_login_mismatch", "", "free@b.example", nil),
        ("reject_sender_login_mismatch", "alice", "a@b.example", nil),
        ("reject_sender_login_mismatch", "ALICE", "A@b.example", nil),
        ("reject_sender_login_mismatch", "bob", "a@b.example", "not owned by user bob"),
        ("reject_sender_login_mismatch", "bob", "free@b.example", "not owned by user bob"),
        ("reject_known_sender_login_mismatch", "bob", "free@b.example", nil),
        ("reject_unauthenticated_sender_login_mismatch", "bob", "a@b.example", nil),
        ("reject_authenticated_sender_login_mismatch", "", "a@b.example", nil),
        ("reject_authenticated_sender_login_mismatch", "alice", "x@d.example", nil),
    ])
    func checksWhoOwnsTheSender(restriction: String, login: String, sender: String, reason: String?) async {
        let last = await answer(
            to: """
                smtpd_sasl_auth_enable 1
                smtpd_sender_login_maps inline:{{a@b.example=alice, carol},{@d.example=alice}}
                sender_restrictions \(restriction)
                login \(login)
                mail \(sender)
                rcpt x@local.example
                """)
        #expect(last == (reason.map { "553 5.7.1 <\(sender)>: Sender address rejected: \($0)" } ?? "OK"))
    }

    @Test(arguments: [
        "reject_sender_login_mismatch", "reject_known_sender_login_mismatch", "check_sasl_access,inline:{bob=reject}",
    ])
    func aServiceWithoutLoginsAsksForNone(restriction: String) async {
        let last = await answer(
            to: """
                smtpd_sender_login_maps inline:{{a@b.example=alice}}
                sender_restrictions \(restriction)
                login bob
                mail a@b.example
                rcpt x@local.example
                """)
        #expect(last == "OK")
    }

    @Test(arguments: [
        ("a@local.example", "OK"),
        (
            "b@local.example",
            "550 5.1.0 <b@local.example>: Sender address rejected: User unknown in local recipient table"
        ),
    ])
    func aSenderThatIsRewrittenExists(sender: String, answer: String) async {
        let last = await self.answer(
            to: """
                local_recipient_maps inline:{x=y}
                sender_canonical_maps inline:{a@local.example=x@local.example}
                sender_restrictions reject_unlisted_sender
                mail \(sender)
                rcpt x@local.example
                """)
        #expect(last == answer)
    }

    @Test func onlyWarnsOfATableThatFails() async {
        let last = await answer(
            to: """
                recipient_restrictions warn_if_reject,check_recipient_access,fail:x
                mail a@b.example
                rcpt x@local.example
                """)
        #expect(last == "OK")
    }

    private func answer(to script: String) async -> String? {
        let runner = ScriptRunner(zone: Self.zone)
        await runner.run(
            """
            mydestination local.example
            relay_restrictions permit_mynetworks,permit_sasl_authenticated,reject_unauth_destination
            client mail.example.net 198.51.100.7
            helo good.example
            mail a@good.example
            \(script)
            """)
        return runner.output.last
    }

    @Test(arguments: [
        (
            ["smtpd_relay_restrictions": "permit_mynetworks", "smtpd_recipient_restrictions": "permit"],
            "specify at least one working instance of: reject_unauth_destination"
        ),
        (["smtpd_client_restrictions": "reject_everything"], "unknown smtpd restriction: \"reject_everything\""),
        (["smtpd_client_restrictions": "check_policy_service unix:x"], "restriction \"check_policy_service\" needs"),
        (["smtpd_sender_restrictions": "check_sender_access permit"], "requires maptype:mapname"),
        (["smtpd_data_restrictions": "hash:/x"], "unexpected table"),
        (["smtpd_restriction_classes": "a", "a": "permit, a"], "contains itself"),
        (["smtpd_client_restrictions": "reject_rbl_client x=127.0.0"], "bad filter syntax"),
    ])
    func refusesToStart(values: [String: String], reason: String) {
        let error = #expect(throws: ConfigurationError.self) { try ScriptRunner.engine(values) }
        #expect(error?.description.contains(reason) == true)
    }

    /// `postfix check` refuses what the service would refuse: both know the same names.
    @Test func configurationKnowsEveryRestriction() {
        let registered = Set(RestrictionRegistry.factories.keys).union(["warn_if_reject"])
        #expect(registered == Set(RestrictionNames.arguments.keys))
    }

    @Test func startsWithTheArticlesLists() throws {
        _ = try ScriptRunner.engine([
            "smtpd_recipient_restrictions":
                "reject_invalid_hostname, reject_unknown_recipient_domain, reject_unauth_destination, permit",
            "smtpd_helo_restrictions":
                "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname, reject_unknown_helo_hostname",
            "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated defer_unauth_destination",
            "smtpd_sender_restrictions": "reject_sender_login_mismatch",
            "smtpd_client_restrictions": "permit_sasl_authenticated,reject",
        ])
    }
}
