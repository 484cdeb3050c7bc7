import Testing

@testable import Send

@Suite struct TransactionTests {
    struct Dialogue: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pipelining = true
        var mode = ClientMode.smtp
        var recipients = ["a@x.test"]
        var isFinal = true
        var resets = false
        var script: [String]
        /// What was sent, after MAIL.
        var sent: [String]
        /// `sent 2.0.0 text`, one for each recipient that got a verdict.
        var verdicts: [String]
        var reusable = true
        var soft: [String] = []
    }

    static let said = "host mx.test[192.0.2.25] said:"
    static let dialogues: [Dialogue] = [
        Dialogue(
            testDescription: "one recipient",
            script: ["250 ok", "250 ok", "354 go", "250 2.0.0 queued"],
            sent: ["RCPT TO:<a@x.test>", "DATA", "(content)", "."], verdicts: ["sent 2.0.0 250 2.0.0 queued"]),
        Dialogue(
            testDescription: "each gets its own reply", recipients: ["a@x.test", "b@x.test", "c@x.test"],
            script: ["250 ok", "550 5.1.1 no", "450 later", "250 ok", "354 go", "250 ok"],
            sent: ["RCPT TO:<a@x.test>", "RCPT TO:<b@x.test>", "RCPT TO:<c@x.test>", "DATA", "(content)", "."],
            verdicts: [
                "bounced 5.1.1 \(said) 550 5.1.1 no (in reply to RCPT TO command)",
                "deferred 4.0.0 \(said) 450 later (in reply to RCPT TO command)", "sent 2.0.0 250 ok",
            ]),
        Dialogue(
            testDescription: "all refused: the pipelined DATA is ended with a dot",
            script: ["250 ok", "550 no", "354 go", "250 empty"], sent: ["RCPT TO:<a@x.test>", "DATA", "."],
            verdicts: ["bounced 5.0.0 \(said) 550 no (in reply to RCPT TO command)"]),
        Dialogue(
            testDescription: "all refused without pipelining: no DATA", pipelining: false,
            script: ["250 ok", "550 no"], sent: ["RCPT TO:<a@x.test>"],
            verdicts: ["bounced 5.0.0 \(said) 550 no (in reply to RCPT TO command)"]),
        Dialogue(
            testDescription: "sender refused, pipelined", recipients: ["a@x.test", "b@x.test"],
            script: ["550 who", "503 no", "503 no", "503 no"],
            sent: ["RCPT TO:<a@x.test>", "RCPT TO:<b@x.test>", "DATA"],
            verdicts: [
                "bounced 5.0.0 \(said) 550 who (in reply to MAIL FROM command)",
                "bounced 5.0.0 \(said) 550 who (in reply to MAIL FROM command)",
            ]),
        Dialogue(
            testDescription: "sender refused, one by one", pipelining: false, script: ["451 4.7.1 wait"], sent: [],
            verdicts: ["deferred 4.7.1 \(said) 451 4.7.1 wait (in reply to MAIL FROM command)"]),
        Dialogue(
            testDescription: "DATA refused", script: ["250 ok", "250 ok", "554 5.5.0 no"],
            sent: ["RCPT TO:<a@x.test>", "DATA"],
            verdicts: ["bounced 5.5.0 \(said) 554 5.5.0 no (in reply to DATA command)"]),
        Dialogue(
            testDescription: "content refused for now", script: ["250 ok", "250 ok", "354 go", "452 4.2.2 full"],
            sent: ["RCPT TO:<a@x.test>", "DATA", "(content)", "."],
            verdicts: ["deferred 4.2.2 \(said) 452 4.2.2 full (in reply to end of DATA command)"]),
        Dialogue(
            testDescription: "a soft failure is left to the next server", isFinal: false,
            script: ["250 ok", "450 4.2.1 busy", "354 go", "250 empty"], sent: ["RCPT TO:<a@x.test>", "DATA", "."],
            verdicts: [], soft: ["\(said) 450 4.2.1 busy (in reply to RCPT TO command)"]),
        Dialogue(
            testDescription: "421 ends the use of the connection", script: ["250 ok", "421 4.3.2 closing", "LOST"],
            sent: ["RCPT TO:<a@x.test>", "DATA"],
            verdicts: ["deferred 4.3.2 \(said) 421 4.3.2 closing (in reply to RCPT TO command)"], reusable: false),
        Dialogue(
            testDescription: "a cached connection that still works", resets: true,
            script: ["250 flushed", "250 ok", "250 ok", "354 go", "250 ok"],
            sent: ["MAIL FROM:<s@x.test>", "RCPT TO:<a@x.test>", "DATA", "(content)", "."],
            verdicts: ["sent 2.0.0 250 ok"]),
        Dialogue(
            testDescription: "LMTP: a reply for each", mode: .lmtp, recipients: ["a@x.test", "b@x.test", "c@x.test"],
            script: ["250 ok", "250 ok", "550 5.1.1 no", "250 ok", "354 go", "250 2.0.0 saved", "452 4.2.2 quota"],
            sent: ["RCPT TO:<a@x.test>", "RCPT TO:<b@x.test>", "RCPT TO:<c@x.test>", "DATA", "(content)", "."],
            verdicts: [
                "sent 2.0.0 250 2.0.0 saved", "bounced 5.1.1 \(said) 550 5.1.1 no (in reply to RCPT TO command)",
                "deferred 4.2.2 \(said) 452 4.2.2 quota (in reply to end of DATA command)",
            ]),
    ]

    private func start(_ test: Dialogue) -> DialogueScript<Transaction> {
        var settings = ClientSettings()
        settings.mode = test.mode
        var features = ServerFeatures()
        features.pipelining = test.pipelining
        let envelope = Envelope(
            sender: "s@x.test", recipients: test.recipients.map { .init(address: $0) }, size: 100)
        return DialogueScript(
            Transaction(
                settings: settings, features: features, peer: testPeer, envelope: envelope, isFinal: test.isFinal,
                resets: test.resets))
    }

    private func texts(_ outcome: Transaction.Outcome) -> [String] {
        outcome.verdicts.sorted { $0.key < $1.key }.map { "\($0.value.kind) \($0.value.status) \($0.value.text)" }
    }

    @Test(arguments: dialogues)
    func dialogue(_ test: Dialogue) throws {
        var script = start(test)
        let played = script.play(test.script)
        let outcome = try #require(played)
        #expect(Array(script.sent.dropFirst()) == test.sent)
        #expect(texts(outcome) == test.verdicts)
        #expect(outcome.isReusable == test.reusable)
        #expect(outcome.softFailures == test.soft)
        #expect(!outcome.wasStale)
    }

    /// Cut each dialogue after each reply: it must end, decide everybody who is final, and deliver only what the server had
    /// taken responsibility for.
    @Test(arguments: dialogues, ["LOST", "TIMEOUT"])
    func cutAtEachReply(_ test: Dialogue, cut: String) throws {
        for count in 0..<test.script.count where test.script[count] != "LOST" {
            var script = start(test)
            guard script.play(Array(test.script[..<count])) == nil else { continue }
            let played = script.play(after: [cut])
            let outcome = try #require(played, "after \(count) replies")
            #expect(!outcome.isReusable)
            if test.resets, count == 0 {
                #expect(outcome.wasStale && outcome.verdicts.isEmpty)
                continue
            }
            if test.isFinal { #expect(outcome.verdicts.count == test.recipients.count) }
            let sentCount = outcome.verdicts.values.filter { $0.kind == .sent }.count
            #expect(sentCount <= (test.mode == .lmtp ? 1 : 0))
        }
    }

    @Test func whatWasGoingOnIsNamed() throws {
        let steps = ["250 ok", "250 ok", "354 go"]
        let doing = [
            "sending MAIL FROM", "sending RCPT TO", "sending DATA command",
            "sending end of data -- message may be sent more than once",
        ]
        for (count, words) in doing.enumerated() {
            var script = start(Dialogue(testDescription: "", script: [], sent: [], verdicts: []))
            let played = script.play(steps.prefix(count) + ["LOST"])
            let outcome = try #require(played)
            #expect(outcome.verdicts[0]?.text == "lost connection with mx.test[192.0.2.25] while \(words)")
        }
    }

    /// A reply may be there before the last write is known to be done.
    @Test func repliesThatOvertakeTheEndOfContentCount() throws {
        var settings = ClientSettings()
        settings.mode = .lmtp
        let recipients = ["a@x.test", "b@x.test"].map { Envelope.Recipient(address: $0) }
        var transaction = Transaction(
            settings: settings, features: ServerFeatures(), peer: testPeer,
            envelope: Envelope(sender: "", recipients: recipients, size: 1), isFinal: true, resets: false)
        var parser = ReplyParser()
        _ = transaction.start()
        let replies = "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 one\r\n452 two\r\n"
        for reply in parser.consume(replies.utf8) { _ = transaction.receive(.reply(reply)) }
        #expect(transaction.outcome == nil)
        _ = transaction.receive(.contentSent)
        let outcome = try #require(transaction.outcome)
        #expect(outcome.verdicts[0]?.kind == .sent && outcome.verdicts[1]?.kind == .deferred)
    }

    @Test func manyRecipientsKeepABoundedNumberOfCommandsUnderWay() throws {
        let recipients = (0..<1000).map { "r\($0)@x.test" }
        var script = start(
            Dialogue(testDescription: "", recipients: recipients, script: [], sent: [], verdicts: []))
        #expect(script.play([]) == nil)
        #expect(script.sent.count == Transaction.window)
    }

    @Test func extensionsAreUsedWhenOffered() {
        var features = ServerFeatures()
        (features.dsn, features.eightBitMIME, features.smtpUTF8) = (true, true, true)
        features.sizeLimit = 0
        var envelope = Envelope(sender: "", recipients: [], size: 264, isEightBit: true, needsSMTPUTF8: true)
        envelope.envelopeID = "id+1"
        envelope.dsnReturn = 2
        #expect(
            envelope.mailCommand(features)
                == "MAIL FROM:<> SIZE=264 BODY=8BITMIME SMTPUTF8 ENVID=id+2B1 RET=HDRS\r\n")
        let recipient = Envelope.Recipient(address: "a b@x.test", dsnOriginal: "rfc822;a+b@x.test", dsnNotify: 6)
        #expect(
            envelope.recipientCommand(recipient, features)
                == "RCPT TO:<\"a b\"@x.test> ORCPT=rfc822;a+2Bb@x.test NOTIFY=SUCCESS,FAILURE\r\n")
        #expect(envelope.recipientCommand(recipient, ServerFeatures()) == "RCPT TO:<\"a b\"@x.test>\r\n")
    }

    @Test func aMessageAboveTheServersLimitIsNotSent() throws {
        var features = ServerFeatures()
        features.sizeLimit = 99
        let envelope = Envelope(sender: "", recipients: [.init(address: "a@x.test")], size: 100)
        var script = DialogueScript(
            Transaction(
                settings: ClientSettings(), features: features, peer: testPeer, envelope: envelope, isFinal: true,
                resets: false))
        let played = script.play([])
        let outcome = try #require(played)
        #expect(script.sent.isEmpty)
        #expect(
            texts(outcome)
                == ["bounced 5.3.4 message size 100 exceeds size limit 99 of server mx.test[192.0.2.25]"])
    }
}
