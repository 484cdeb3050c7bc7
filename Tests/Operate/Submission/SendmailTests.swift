import Glibc
import MailSystem
import Testing

@testable import Spool
@testable import Submission

@Suite struct SendmailOptionsTests {
    @Test(arguments: [
        (["-bp"], SendmailOptions.Mode.listQueue), (["-q"], .flush), (["-qIABC"], .flushMessage("ABC")),
        (["-qRexample.com"], .flushSite("example.com")), (["-q30m"], .ignore), (["-bd", "-q30m"], .daemon),
        (["-bi"], .newAliases), (["-I"], .newAliases), (["-bv", "a@b"], .verify), (["-bs"], .standAlone),
        (["-bm", "a@b"], .deliver),
    ])
    func modes(arguments: [String], mode: SendmailOptions.Mode) throws {
        #expect(try SendmailOptions(program: "sendmail", arguments: arguments).mode == mode)
    }

    @Test(arguments: [
        (["-bx"], "unsupported: -bx"), (["-B", "x", "a"], "-B option needs 8BITMIME or 7BIT"),
        (["-n"], "-n option not supported"),
        (["-bs", "-t"], "-t can be used only in delivery mode"), (["-qSx"], "-qS is not implemented"),
        (["-q", "x"], "flush queue mode requires no recipient"),
        (["-bp", "x"], "display queue mode requires no recipient"),
    ])
    func mistakes(arguments: [String], message: String) {
        #expect { try SendmailOptions(program: "sendmail", arguments: arguments) } throws: {
            ($0 as? CommandFailure)?.message == message
        }
    }

    @Test func deliveryOptions() throws {
        let options = try SendmailOptions(
            program: "sendmail",
            arguments: [
                "-oi", "-t", "-N", "failure,delay", "-R", "hdrs", "-V", "id", "-B", "8BITMIME", "-XV+=", "-fme", "x@y",
                "-f",
            ])
        #expect(!options.dotEnds)
        #expect(options.extractRecipients)
        #expect(options.notify == 12)
        #expect(options.returnContent == 2)
        #expect(options.envelopeID == "id")
        #expect(options.encoding == "8bit")
        #expect(options.verp == "+=")
        #expect(options.sender == "me")
        // Options end at the first operand.
        #expect(options.recipients == ["x@y", "-f"])
    }

    @Test func contradictoryNotifyIsIgnored() throws {
        let options = try SendmailOptions(program: "sendmail", arguments: ["-N", "never,delay", "a"])
        #expect(options.notify == nil)
        #expect(options.warnings == ["bad -N option value -- ignored"])
    }
}

/// What sendmail hands to postdrop, as `strace` showed it for Debian's Postfix 3.7.11.
@Suite struct SubmissionRecordsTests {
    private func records(
        _ text: String, extract: Bool = true, dotEnds: Bool = true, recipients: [String] = [], lineLimit: Int = 2048
    ) throws -> String? {
        let (reading, writing) = try Descriptors.pipe()
        try Descriptors.writeAll(Array(text.utf8), to: writing)
        Descriptors.close(writing)
        defer { Descriptors.close(reading) }
        var bytes: [UInt8] = []
        var records = SubmissionRecords(
            envelope: .init(sender: "root", fullName: "root", recipients: recipients),
            limits: .init(line: lineLimit, header: 1000, message: 100_000, lineEndings: .always)
        ) { bytes += $0 }
        try records.writeEnvelope()
        var source = ByteSource(reading)
        guard try records.writeContent(&source, dotEnds: dotEnds, extract: extract) else { return nil }
        // Type and payload of each record, lengths left out.
        var shown = ""
        var rest = bytes[...]
        while case .header(let header) = RecordCodec.header(rest) {
            rest = rest.dropFirst(header.size)
            shown +=
                "\(UnicodeScalar(header.type.rawValue)):\(String(decoding: rest.prefix(header.length), as: UTF8.self))|"
            rest = rest.dropFirst(header.length)
        }
        return shown
    }

    private static let head = "A:rewrite_context=local|F:root|S:root|"

    @Test func recipientsComeFromTheHeader() throws {
        #expect(
            try records(
                "To: =?utf-8?q?a?= <a@s>, grp: b@s, c@s;, \"q x\"@s (c)\nCc: undisclosed:;\n more@s\nsubject: x\n\nfoo\n"
            )
                == Self.head
                + "M:|N:To: =?utf-8?q?a?= <a@s>, grp: b@s, c@s;, \"q x\"@s (c)|N:Cc: undisclosed:;|N: more@s|N:subject: x|N:|"
                + "N:foo|X:|R:a@s|R:b@s|R:c@s|R:q x@s|R:more@s|E:|")
    }

    @Test func resentRecipientsReplaceTheOthers() throws {
        #expect(
            try records("Resent-To: r@s\nTo: a@s\nResent-Bcc: s@s\n\nfoo\n")
                == Self.head + "M:|N:Resent-To: r@s|N:To: a@s|N:Resent-Bcc: s@s|N:|N:foo|X:|R:r@s|R:s@s|E:|")
    }

    @Test func aDotEndsTheMessageAndCarriageReturnsGo() throws {
        let text = "To: a@s\r\n\r\nb\r\n.\r\nc\n"
        #expect(try records(text) == Self.head + "M:|N:To: a@s|N:|N:b|X:|R:a@s|E:|")
        #expect(try records(text, dotEnds: false) == Self.head + "M:|N:To: a@s|N:|N:b|N:.|N:c|X:|R:a@s|E:|")
    }

    @Test func aMissingSeparatorIsPutIn() throws {
        #expect(try records("From a@b Mon\nTo: a@s\nbody\n") == Self.head + "M:|N:To: a@s|N:|N:body|X:|R:a@s|E:|")
        #expect(try records(" leading\nTo: a@s\n\nfoo") == nil)
    }

    @Test func longLinesAreContinued() throws {
        #expect(
            try records("abcdefgh", extract: false, recipients: ["a@s"], lineLimit: 3)
                == Self.head + "R:a@s|M:|L:abc|L:def|L:gh|X:|E:|")
    }
}

@Suite struct MaildropFilterTests {
    private func verdicts(_ records: [(RecordType, String)]) -> [MaildropFilter.Verdict] {
        var filter = MaildropFilter()
        return records.map { filter.take($0.0, Array($0.1.utf8)) }
    }

    @Test func aSubmissionPasses() {
        #expect(
            verdicts([
                (.time, "1 2"), (.attribute, "rewrite_context=local"), (.sender, "a"), (.recipient, "b"),
                (.message, ""),
                (.line, "x"), (.continued, "y\0"), (.extracted, ""), (.recipient, "c"), (.end, ""),
            ]) == [.drop, .keep, .keep, .keep, .keep, .keep, .keep, .keep, .keep, .end])
    }

    @Test(arguments: [
        [(RecordType.message, "")], [(.line, "x")], [(.sender, "a"), (.sender, "b")], [(.pointer, "1")],
        [(.sender, "a"), (.message, ""), (.recipient, "x")], [(.filter, "smtp:x")], [(.redirect, "x")],
    ])
    func otherRecordsEndIt(records: [(RecordType, String)]) {
        guard case .refuse = verdicts(records).last else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: ["sasl_username=me", "encoding=base64", "trace_flags=256", "nonsense", "log_client_name=x"])
    func foreignAttributesAreDropped(text: String) {
        guard case .warn = verdicts([(.attribute, text)]).last else {
            Issue.record("accepted")
            return
        }
    }

    @Test func lineBreaksInTheEnvelopeAreDropped() {
        guard case .warn = verdicts([(.recipient, "a\nR b")]).last else {
            Issue.record("accepted")
            return
        }
    }
}
