import Testing

@testable import Receive

@Suite struct TranscriptTests {
    /// As Debian's smtpd writes it.
    @Test func theNoticeShowsTheDialogue() {
        var transcript = Transcript()
        transcript.sent(ServerReply(220, nil, "smtp.example.com ESMTP Postfix"))
        transcript.received(Array("EHLO out.example.net".utf8)[...])
        transcript.sent(ServerReply(250, lines: ["smtp.example.com", "CHUNKING"]))
        #expect(
            transcript.notice(reason: "lost connection") == """
                Transcript of session follows.

                 Out: 220 smtp.example.com ESMTP Postfix
                 In:  EHLO out.example.net
                 Out: 250-smtp.example.com
                 Out: 250 CHUNKING

                Session aborted, reason: lost connection

                For other details, see the local mail logfile

                """)
        transcript.clear()
        #expect(
            transcript.notice(reason: nil)
                == "Transcript of session follows.\n\n\n\nFor other details, see the local mail logfile\n")
    }

    @Test func longRepliesAreWrapped() {
        var transcript = Transcript()
        transcript.sent(
            ServerReply(554, "5.7.1", "<reject@home.example>: Recipient address rejected: Access denied"))
        #expect(
            transcript.text
                == " Out: 554 5.7.1 <reject@home.example>: Recipient address rejected: Access\n     denied\n")
    }

    @Test func itHoldsNoPasswordsAndNotTooMuch() {
        var transcript = Transcript()
        transcript.received(Array("auth plain AGZvbwBiYXI=".utf8)[...])
        #expect(transcript.text == " In:  auth plain\n")
        for _ in 0..<1000 { transcript.received([UInt8](repeating: 0x61, count: 2000)[...]) }
        #expect(transcript.text.utf8.count < 34 << 10)
        #expect(transcript.text.hasSuffix("a\n ...\n"))
    }

    private static let cases: [(ServerReply, TroubleClasses)] = [
        (ServerReply(250, "2.1.0", "Ok"), TroubleClasses([])),
        (ServerReply(451, "4.3.5", "Server configuration error"), TroubleClasses.software),
        (Replies.noSpace, TroubleClasses.resource), (Replies.queueWriteError, TroubleClasses.resource),
        (ServerReply(451, "4.3.0", "<x>: Temporary lookup failure"), TroubleClasses.data),
        (Replies.fileTooBig, TroubleClasses.bounce), (Replies.notRecognized, TroubleClasses.protocol),
        (ServerReply(550, "5.7.1", "<x>: Recipient address rejected"), TroubleClasses.policy),
        (ServerReply(550, "5.1.1", "<x>: Recipient address rejected: User unknown in x"), TroubleClasses.bounce),
        (ServerReply(451, "4.3.5", "<x>: Sender address rejected: Server configuration error"), TroubleClasses.data),
        (ServerReply(454, "4.7.1", "<x>: Relay access denied"), TroubleClasses.policy),
        (ServerReply(535, "5.7.8", "Error: authentication failed: no"), TroubleClasses([])),
    ]

    @Test(arguments: cases)
    func aReplyTellsWhatIsWrong(reply: ServerReply, classes: TroubleClasses) {
        #expect(TroubleClasses(of: reply) == classes)
    }
}
