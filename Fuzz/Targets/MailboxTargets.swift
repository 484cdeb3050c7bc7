import MailSystem

@testable import Deliver

extension FuzzTarget {
    /// What is written around a message in mailboxes and pipes: each address stays on its line, and no line of the content
    /// becomes the start of a message.
    static let mailboxLines = FuzzTarget("mailbox-lines") { input in
        var fields = InputReader(input)
        let seed = fields.byte()
        let prefix = MessagePrefix(
            fromLine: fields.text(), returnPath: fields.text(), originalRecipient: fields.text(),
            deliveredTo: fields.text())
        let lines = prefix.bytes(now: MailTime(seconds: 1)).split(separator: 0x0A, omittingEmptySubsequences: false)
        let starts = ["From ", "Return-Path: <", "X-Original-To: ", "Delivered-To: ", ""]
        require(lines.count == starts.count, "a line for each address")
        for (line, start) in zip(lines, starts) {
            require(line.starts(with: start.utf8) && !line.contains(0x0D), "what the line is: \(start)")
        }
        let content = fields.all()
        for (quotesFrom, doublesDots) in [(true, false), (false, true), (true, true)] {
            var transformer = LineTransformer(quotesFrom: quotesFrom, doublesDots: doublesDots)
            let whole = transformer.transform(content) + transformer.finish()
            var other = LineTransformer(quotesFrom: quotesFrom, doublesDots: doublesDots)
            let cut = pieces(content, seed: seed).flatMap { other.transform($0) } + other.finish()
            require(whole == cut, "the same in pieces")
            let written = whole.split(separator: 0x0A, omittingEmptySubsequences: false)
            let read = content.split(separator: 0x0A, omittingEmptySubsequences: false)
            require(written.count == read.count, "as many lines")
            for (line, old) in zip(written, read) {
                if quotesFrom { require(!line.starts(with: "From ".utf8), "no line starts a message") }
                let added = (quotesFrom && old.starts(with: "From ".utf8)) || (doublesDots && old.first == 0x2E)
                require(added ? line.dropFirst() == old : line == old, "a line is one character longer at most")
            }
        }
    }
}
