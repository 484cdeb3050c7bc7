import Configuration
import Glibc
import InternalProtocol
import MailSystem
import Testing

@testable import Deliver

@Suite struct PipeAgentTests {
    private func pipe(_ fixture: DeliveryFixture, _ attributes: String, _ values: [String: String] = [:]) throws
        -> PipeAgent
    {
        PipeAgent(try fixture.context("x unix - n n - - pipe user=\(DeliveryFixture.user) \(attributes)", values))
    }

    /// Every pipe line of the article, its program replaced by a recorder.
    @Test(arguments: [
        (
            "maildrop", "flags=DRhu", "-d ${recipient}", ["[-d]", "[bob+x@example.com]"],
            "Return-Path: <s@example.org>\nDelivered-To: Bob+x@Example.COM\n"
        ),
        (
            "uux", "flags=Fqhu", "-r -n -z -a$sender - $nexthop!rmail ($recipient)",
            ["[-r]", "[-n]", "[-z]", "[-as@example.org]", "[-]", "[next.example!rmail]", "[(bob+x@example.com)]"],
            "From s@example.org  "
        ),
        (
            "ifmail", "flags=F", "-r $nexthop ($recipient)", ["[-r]", "[Next.Example]", "[(Bob+x@Example.COM)]"],
            "From s@example.org  "
        ),
        (
            "bsmtp", "flags=Fq.", "-t$nexthop -f$sender $recipient",
            ["[-tNext.Example]", "[-fs@example.org]", "[Bob+x@Example.COM]"], "From s@example.org  "
        ),
        (
            "scalemail-store", "flags=R", "${nexthop} ${user} ${extension}", ["[Next.Example]", "[Bob]", "[x]"],
            "Return-Path: <s@example.org>\n"
        ),
        (
            "postfix-to-mailman.py", "flags=FR", "${nexthop} ${user}", ["[Next.Example]", "[Bob]"],
            "From s@example.org  "
        ),
        (
            "dovecot-lda", "flags=DRhu", "-f ${sender} -d ${recipient}",
            ["[-f]", "[s@example.org]", "[-d]", "[bob+x@example.com]"],
            "Return-Path: <s@example.org>\nDelivered-To: Bob+x@Example.COM\n"
        ),
        (
            "spamc", "flags=DRhu", "-s 1500000 -u ${recipient} -e /usr/lib/dovecot/deliver -d ${recipient}",
            [
                "[-s]", "[1500000]", "[-u]", "[bob+x@example.com]", "[-e]", "[/usr/lib/dovecot/deliver]", "[-d]",
                "[bob+x@example.com]",
            ],
            "Return-Path: <s@example.org>\nDelivered-To: Bob+x@Example.COM\n"
        ),
    ])
    func articleLine(name: String, flags: String, arguments: String, expected: [String], start: String) async throws {
        let fixture = try DeliveryFixture()
        let program = try fixture.recorder(name)
        let agent = try pipe(fixture, "\(flags) argv=\(program) \(arguments)")
        let request = try fixture.message(["Bob+x@Example.COM"], service: "x", nexthop: "Next.Example")
        let report = await agent.deliver(request)
        #expect(report.results.map(\.outcome) == [.delivered])
        #expect(report.results.first?.action == "relayed")
        #expect(try fixture.marks(request) == "D")
        let record = try fixture.read("out/\(name)")
        let (head, body) = try #require(split(record))
        #expect(head == [name] + expected)
        #expect(body.hasPrefix(start), "\(body)")
        let stuffed =
            flags.hasSuffix(".") ? DeliveryFixture.text.replacing("\n.dot", with: "\n..dot") : DeliveryFixture.text
        #expect(body.hasSuffix(stuffed))
        #expect(fixture.sink.contains("relay=x, delay="))
        #expect(fixture.sink.contains("dsn=2.0.0, status=sent (delivered via x service)"))
    }

    private func split(_ record: String) -> ([String], String)? {
        guard let range = record.firstRange(of: "--\n") else { return nil }
        return (
            record[..<range.lowerBound].split(separator: "\n").map(String.init), String(record[range.upperBound...])
        )
    }

    @Test(arguments: [
        ("{cat >/dev/null; exit 67}", "5.1.1 bounced user unknown"),
        ("{cat >/dev/null; exit 75}", "4.3.0 deferred temporary failure"),
        ("{cat >/dev/null; exit 78}", "5.3.5 bounced local configuration error"),
        (
            "{cat >/dev/null; echo it broke; exit 1}",
            "5.3.0 bounced Command died with status 1: \"/bin/sh\". Command output: it broke "
        ),
        ("{cat >/dev/null; echo 4.2.2 mailbox full; exit 67}", "4.2.2 deferred mailbox full "),
        ("{cat >/dev/null; echo 5.2.2 mailbox full; exit 75}", "5.2.2 bounced mailbox full "),
        ("{kill -9 $$$$}", "4.3.0 deferred Command died with signal 9: \"/bin/sh\""),
        (
            "{echo hello; echo world; cat >/dev/null}",
            "2.0.0 delivered delivery via x: delivered via x service (hello world)"
        ),
        ("{exit 0}", "2.0.0 delivered delivery via x: delivered via x service"),
    ])
    func exitBecomesStatus(script: String, expected: String) async throws {
        let fixture = try DeliveryFixture()
        let agent = try pipe(fixture, "argv=/bin/sh -c \(script)")
        let request = try fixture.message(["a@example.com", "b@example.com"], service: "x")
        let report = await agent.deliver(request)
        #expect(report.results.map { "\($0.status) \($0.outcome) \($0.reason)" } == [expected, expected])
    }

    @Test func aCommandAndItsChildrenEndAtTheTimeLimit() async throws {
        let fixture = try DeliveryFixture()
        let agent = try pipe(fixture, "argv=/bin/sh -c {sleep 600 & sleep 600}", ["x_time_limit": "1s"])
        let report = await agent.deliver(try fixture.message(["a@example.com"], service: "x"))
        #expect(report.results.map(\.reason) == ["Command time limit exceeded: \"/bin/sh\""])
        #expect(report.results.map { "\($0.status) \($0.outcome)" } == ["5.3.0 bounced"])
    }

    @Test func largeMessageToACommandThatTalksAllTheTime() async throws {
        let fixture = try DeliveryFixture()
        let agent = try pipe(fixture, "argv=/bin/sh -c {tee \(fixture.root)/out/copy}")
        let text = "Subject: big\n\n" + String(repeating: String(repeating: "x", count: 77) + "\n", count: 100_000)
        let request = try fixture.message(["a@example.com"], service: "x", text: text)
        #expect(await agent.deliver(request).results.map(\.outcome) == [.delivered])
        #expect(try fixture.read("out/copy") == text)
    }

    /// A command that prints for ever finds its output closed: it ends, or goes on, without the time limit.
    @Test(arguments: [
        (
            "{cat >/dev/null; exec yes}",
            "5.3.0 bounced Command died with status 1: \"/bin/sh\". Command output: \(String(repeating: "y ", count: 2048))"
        ),
        (
            "{yes; cat >/dev/null; exit 75}",
            "4.3.0 deferred temporary failure. Command output: \(String(repeating: "y ", count: 2048))"
        ),
        (
            "{cat >/dev/null; yes 2>/dev/null; exit 0}",
            "2.0.0 delivered delivery via x: delivered via x service (\(String(repeating: "y ", count: 49))y)"
        ),
    ])
    func endlessOutputIsCutOff(script: String, expected: String) async throws {
        let fixture = try DeliveryFixture()
        let agent = try pipe(fixture, "argv=/bin/sh -c \(script)", ["x_time_limit": "1000s"])
        let report = await agent.deliver(try fixture.message(["a@example.com"], service: "x"))
        #expect(report.results.map { "\($0.status) \($0.outcome) \($0.reason)" } == [expected])
    }

    @Test func childrenThatPrintForEverDoNotHoldUpADelivery() async throws {
        let fixture = try DeliveryFixture()
        let agent = try pipe(fixture, "argv=/bin/sh -c {cat >/dev/null; yes & sleep 1; exit 0}")
        let report = await agent.deliver(try fixture.message(["a@example.com"], service: "x"))
        #expect(report.results.map(\.outcome) == [.delivered])
    }

    @Test func problemsOfTheServiceDeferWithADestinationFailure() async throws {
        let fixture = try DeliveryFixture()
        let agent = PipeAgent(try fixture.context("x unix - n n - - pipe user=nosuchuser argv=/bin/cat"))
        let report = await agent.deliver(try fixture.message(["a@example.com"], service: "x"))
        #expect(report.results.map(\.outcome) == [.deferred])
        #expect(report.destinationFailure != nil)
        #expect(fixture.sink.contains("fatal: get_service_attr: unknown username: nosuchuser"))
    }

    @Test func missingProgramDefers() async throws {
        let fixture = try DeliveryFixture()
        let agent = try pipe(fixture, "argv=/no/such/file")
        let report = await agent.deliver(try fixture.message(["a@example.com"], service: "x"))
        let expected =
            "temporary failure. Command output: pipe: fatal: pipe_command: execvp /no/such/file: No such file or directory "
        #expect(report.results.map(\.reason) == [expected])
        #expect(report.results.map(\.outcome) == [.deferred])
    }

    @Test func limitsAndLoops() async throws {
        let fixture = try DeliveryFixture()
        let small = try pipe(fixture, "size=10 argv=/bin/cat")
        let tooLarge = await small.deliver(try fixture.message(["a@example.com"], service: "x"))
        #expect(tooLarge.results.map(\.status) == ["5.2.3"])
        let looping = try pipe(fixture, "flags=D argv=/bin/cat")
        let text = "Received: x\nDelivered-To: A@example.com\n" + DeliveryFixture.text
        let report = await looping.deliver(try fixture.message(["a@example.com"], service: "x", text: text))
        #expect(report.results.map(\.reason) == ["mail forwarding loop for a@example.com"])
    }

    @Test func allArgumentFormsAsPostfixExpandsThem() throws {
        let attributes = try PipeAttributes([
            "flags=BFR.>Xhuqu", "user=nobody:daemon", "argv=/tmp/rec", "s=$sender", "${recipient}", "u=${user}",
            "x=${extension}", "m=${mailbox}", "d=$domain", "n=${nexthop}", "o=${original_recipient}", "$(user)-$$",
            "a b",
        ])
        var request = DeliveryRequest(
            service: "x", nexthop: "Next.HOP", queueID: "A", sender: "a b@oracle.test", recipients: [])
        request.recipients = [
            DeliveryRecipient(offset: 0, address: "+x@p.test"),
            DeliveryRecipient(offset: 1, address: "User+Ext@P.Test"),
        ]
        let expanded = try PipeArguments(attributes: attributes, request: request, delimiters: "+").expand()
        #expect(
            expanded.arguments == [
                "/tmp/rec", "s=\"a b\"@oracle.test", "+x@p.test", "user+ext@p.test", "u=+x", "u=user", "x=", "x=ext",
                "m=+x", "m=user+ext", "d=p.test", "d=p.test", "n=next.hop", "o=+x@p.test", "o=user+ext@p.test", "+x-$",
                "user-$", "a b",
            ])
    }

    @Test(arguments: [
        (["argv=/bin/cat"], "missing user= command-line attribute"),
        (["user=nobody"], "missing argv= command-line attribute"),
        (["user=nobody", "colour=red", "argv=x"], "unknown attribute name: colour"),
    ])
    func attributesAreChecked(arguments: [String], expected: String) {
        #expect(throws: ConfigurationError(expected)) { try PipeAttributes(arguments) }
    }
}
