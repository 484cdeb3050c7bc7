import Cleanup
import MailSyntax
import MailSystem
import Spool
import Testing

/// Recipient records as Debian's cleanup writes them with the same tables.
@Suite struct RecipientTests {
    private static let aliases =
        "inline:{{a@home.example=b,c@home.example},{b@home.example=b,d+x@home.example},{loop@home.example=loop2},"
        + "{loop2@home.example=loop},{e@home.example=f},{@dom.example=@dom2.example},{x@dom2.example=y@dom3.example},"
        + "{quo@home.example=\"a b\"@c.example},{bad@home.example=,(foo)}}"

    private func recipients(_ names: [String], _ settings: [String: String]) async throws -> [String] {
        try await CleanupFixture(settings).send(to: names.map { RecipientSpec($0) }).only("OR")
    }

    @Test(arguments: [
        ("a", ["b@home.example", "c@home.example", "d+x@home.example"]),
        ("a+ext@home.example", ["b+ext@home.example", "c+ext@home.example", "d+x+ext@home.example"]),
        ("e+ext@home.example", ["f+ext@home.example"]), ("foo", ["foo@home.example"]),
        ("z@dom.example", ["z@dom2.example"]),
        ("x@dom.example", ["y@dom3.example"]), ("x+q@dom.example", ["y+q@dom3.example"]),
        ("quo+x@home.example", ["a b+x@c.example"]),
    ])
    func virtualAliases(name: String, expanded: [String]) async throws {
        let records = try await recipients([name], ["virtual_alias_maps": Self.aliases])
        #expect(records == expanded.flatMap { ["O \(name)", "R \($0)"] })
    }

    @Test(arguments: [
        (
            "loop@home.example", CleanupProblem.aliasExpansion,
            "unreasonable virtual_alias_maps map nesting for loop@home.example"
        ),
        ("bad@home.example", .writeFailure, "virtual_alias_maps map lookup problem for bad@home.example"),
    ])
    func aliasProblems(name: String, problem: CleanupProblem, text: String) async throws {
        let fixture = CleanupFixture(["virtual_alias_maps": Self.aliases])
        let result = try await fixture.send(to: [RecipientSpec("foo"), RecipientSpec(name)])
        #expect(result.verdict == .refused(problem))
        #expect(fixture.sink.texts.contains("warning: \(result.id): \(text) -- message not accepted, try again later"))
        #expect(CleanupProblem.aliasExpansion.reply.description == "451 4.6.0 Alias expansion error")
    }

    @Test(arguments: [("d0", false), ("d1", false), ("d2", true), ("one", true), ("two", false), ("long", false)])
    func aliasLimits(name: String, accepted: Bool) async throws {
        let fixture = CleanupFixture([
            "virtual_alias_maps":
                "inline:{{d0@home.example=d1},{d1@home.example=d2},{d2@home.example=d3},{d3@home.example=d4},"
                + "{d4@home.example=d5},{one@home.example=1,2,3,4,5},{two@home.example=1,2,3,4,5,6},"
                + "{long@home.example=\(String(repeating: "l", count: 200))@x.example}}",
            "virtual_alias_recursion_limit": "4", "virtual_alias_expansion_limit": "5",
            "virtual_alias_address_length_limit": "100",
        ])
        let verdict = try await fixture.send(to: [RecipientSpec(name)]).verdict
        #expect((verdict != .refused(.aliasExpansion)) == accepted)
    }

    @Test func automaticBcc() async throws {
        let fixture = CleanupFixture([
            "always_bcc": "abcc@home.example", "sender_bcc_maps": "inline:{a@remote.example=sbcc}",
            "recipient_bcc_maps": "inline:{foo@home.example=rbcc}",
        ])
        let records = try await fixture.send(to: [RecipientSpec("foo", dsnOriginal: "rfc822;foo")]).records
        #expect(
            Array(records[5...8]) == [
                "S a@remote.example", "A notify_flags=1", "O sbcc@home.example", "R sbcc@home.example",
            ])
        #expect(
            records.filter { $0.hasPrefix("A notify") || $0.hasPrefix("A dsn") || "OR".contains($0.prefix(1)) }
                .dropFirst(3) == [
                    "A dsn_orig_rcpt=rfc822;foo", "O foo", "R foo@home.example", "A notify_flags=1",
                    "O rbcc@home.example",
                    "R rbcc@home.example", "A notify_flags=1", "O abcc@home.example", "R abcc@home.example",
                ])
        #expect(records[0].split(separator: " ").map(String.init)[4] == "0")
        var envelope = fixture.envelope()
        envelope.mapsAddresses = false
        #expect(try await fixture.send(envelope: envelope).only("R") == ["R foo@home.example"])
    }

    @Test func duplicates() async throws {
        let names = ["a", "c", "c", "C@HOME.example"]
        let settings = ["virtual_alias_maps": "inline:{a@home.example=c}"]
        #expect(
            try await recipients(names, settings) == [
                "O a", "R c@home.example", "O c", "R c@home.example", "O C@HOME.example", "R C@HOME.example",
            ])
        let same = settings.merging(["enable_original_recipient": "no"]) { $1 }
        #expect(try await recipients(names, same) == ["O a", "R c@home.example"])
        let few = same.merging(["duplicate_filter_limit": "1"]) { $1 }
        #expect(try await recipients(["x", "c", "c"], few).count == 6)
    }

    @Test func canonicalMapsAndMasquerading() async throws {
        let fixture = CleanupFixture([
            "canonical_maps":
                "inline:{{foo@home.example=canon@c.example},{hdr@home.example=hdrc@c.example},{multi@home.example=m1,m2},"
                + "{snd@home.example=sndc@c.example},{@old.example=@new.example},{e@home.example=e+x@home.example}}",
            "recipient_canonical_maps": "inline:{canon@c.example=rcanon@c.example}",
            "sender_canonical_maps": "inline:{sndc@c.example=scanon@c.example}",
            "masquerade_domains": "!b.masq.example masq.example", "masquerade_exceptions": "root",
        ])
        let result = try await fixture.send(
            "From: snd+ext\nTo: foo+ext, hdr, \"x y\"@old.example, e\nReply-To: root@a.masq.example\n"
                + "Cc: foo@a.masq.example, foo@q.b.masq.example, foo@xmasq.example\n\n",
            to: ["foo+e", "multi", "u+e@old.example", "foo@a.masq.example"].map { RecipientSpec($0) },
            envelope: fixture.envelope(sender: "foo@a.b.c.masq.example"))
        #expect(result.only("S") == ["S foo@masq.example"])
        #expect(
            result.only("R") == [
                "R canon+e@c.example", "R m1@home.example", "R u+e@new.example", "R foo@a.masq.example",
            ])
        #expect(
            result.content == [
                "From: sndc+ext@c.example", "To: canon+ext@c.example, hdrc@c.example, \"x y\"@new.example,",
                "\te+x+x+x+x+x+x+x+x+x+x@home.example", "Reply-To: root@a.masq.example",
                "Cc: foo@masq.example, foo@q.b.masq.example, foo@xmasq.example", "",
            ])
        #expect(
            fixture.sink.texts.contains(
                "warning: \(result.id): multi-valued canonical_maps entry for multi@home.example"))
    }

    @Test(arguments: [
        ("canonical_maps", "warning: QID: canonical_maps map lookup problem for a@remote.example"),
        ("virtual_alias_maps", "warning: QID: virtual_alias_maps map lookup problem for foo@home.example"),
        ("sender_bcc_maps", "warning: QID: sender_bcc_maps map lookup problem"),
        ("recipient_bcc_maps", "warning: QID: recipient_bcc_maps map lookup problem"),
    ])
    func failingTables(parameter: String, text: String) async throws {
        let fixture = CleanupFixture([parameter: "fail:x"])
        let result = try await fixture.send()
        #expect(result.verdict == .refused(.writeFailure))
        #expect(fixture.store.paths.isEmpty)
        let expected = text.replacing("QID", with: result.id) + " -- message not accepted, try again later"
        #expect(fixture.sink.texts.contains(expected))
    }

    @Test func successNotificationsEndAtAnAlias() async throws {
        let fixture = CleanupFixture(["virtual_alias_maps": "inline:{al@home.example=x}"])
        let result = try await fixture.send(to: [RecipientSpec("al", dsnNotify: 6), RecipientSpec("pl", dsnNotify: 2)])
        #expect(result.records.filter { $0.hasPrefix("A notify") } == ["A notify_flags=4", "A notify_flags=2"])
        #expect(result.records[0].split(separator: " ").map(String.init)[4] == "12")
        let trace = String(decoding: fixture.store.contents("trace/\(result.id)") ?? [], as: UTF8.self)
        #expect(
            trace
                == "\n<al@home.example>: alias expanded\nrecipient=al@home.example\noriginal_recipient=al\n"
                + "dsn_orig_rcpt=rfc822;al@home.example\nnotify_flags=6\nstatus=2.0.0\naction=expanded\n"
                + "reason=alias expanded\n\n")
    }

    @Test func noRecipients() async throws {
        let result = try await CleanupFixture().send(to: [])
        #expect(result.verdict == .refused(.noRecipients))
        let empty = try await CleanupFixture().send(to: [RecipientSpec("")])
        #expect(empty.only("OR") == ["O ", "R MAILER-DAEMON@home.example"])
    }
}
