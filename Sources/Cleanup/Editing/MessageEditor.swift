import Lookup
import MailSyntax
import MailSystem
import Spool

/// What milters change in a message that is complete but not committed: headers pass milter_header_checks, recipients
/// the duplicate filter. Queue file problems are told by throwing.
package final class MessageEditor {
    /// Who sent what to whom, for log lines.
    package struct Context: Sendable {
        package var queueID: String
        /// `name[address]`, or `local`.
        package var origin: String
        package var sender: String
        package var recipient: String
        /// ` proto=ESMTP helo=<x>`, or nothing.
        package var session = ""

        package init(queueID: String, origin: String, sender: String, recipient: String) {
            self.queueID = queueID
            self.origin = origin
            self.sender = sender
            self.recipient = recipient
        }

        func line(
            _ verb: String, _ kind: String, _ text: [UInt8], _ reason: String, showsEmptyReason: Bool = false
        ) -> String {
            let shown = String(decoding: text.prefix(200), as: UTF8.self)
            let tail = reason.isEmpty && !showsEmptyReason ? "" : ": \(reason)"
            return
                "\(queueID): \(verb): \(kind) \(shown) from \(origin); from=<\(sender)> to=<\(recipient)>\(session)\(tail)"
        }
    }

    /// Turns an address into the recipients that it stands for, with the records of each.
    package typealias Expansion = (_ address: String) async throws -> [String]

    package let editor: QueueFileEditor
    package var checks: CheckTables?
    package var senderBcc: Maps?
    package var context: Context
    package private(set) var effects = MessageEffects()
    /// A check refused the message.
    package private(set) var rejection: RejectText?
    /// A table could not answer, or the queue file cannot be written.
    package private(set) var failure: CleanupProblem?
    /// False once a check decided about the whole message: nothing more is changed.
    package private(set) var isOpen = true
    private var duplicates: DuplicateFilter
    private let log: MailLog

    package init(
        _ editor: QueueFileEditor, context: Context, duplicateLimit: Int, keepsOriginal: Bool, log: MailLog
    ) {
        self.editor = editor
        self.context = context
        self.log = log
        duplicates = DuplicateFilter(limit: duplicateLimit, usesOriginal: keepsOriginal)
    }

    /// enable_original_recipient
    package func setKeepsOriginal(_ keeps: Bool, limit: Int) {
        duplicates = DuplicateFilter(limit: limit, usesOriginal: keeps)
    }

    // MARK: Headers

    package func addHeader(_ name: String, _ value: [UInt8]) async throws {
        try await checked(name, value) { lines in try editor.addHeader(lines) }
    }

    /// - Parameter position: counted from 1.
    package func insertHeader(at position: Int, _ name: String, _ value: [UInt8]) async throws {
        guard position > 0 else { return log.warning("\(context.queueID): bad insert header index: \(position)") }
        try await checked(name, value) { lines in try editor.insertHeader(at: position, lines) }
    }

    /// - Parameter index: among the headers of the name, counted from 1.
    package func changeHeader(_ index: Int, _ name: String, _ value: [UInt8]) async throws {
        guard index > 0 else { return log.warning("\(context.queueID): bad update header index: \(index)") }
        try await checked(name, value) { lines in try editor.changeHeader(named: name, index: index, lines) }
    }

    package func deleteHeader(_ index: Int, _ name: String) throws {
        guard index > 0 else { return log.warning("\(context.queueID): bad delete header index: \(index)") }
        try editor.deleteHeader(named: name, index: index)
    }

    private func checked(_ name: String, _ value: [UInt8], _ write: ([[UInt8]]) throws -> Void) async throws {
        var text = Array(name.utf8) + [0x3A, 0x20] + value
        if let checks, !checks.isEmpty {
            let action: CheckAction
            do {
                action = try await checks.check(header: text, in: .primary)
            } catch {
                log.warning(
                    "\(context.queueID): milter_header_checks map lookup problem -- message not accepted, try again later"
                )
                failure = .writeFailure
                return
            }
            guard let result = apply(action, text, write) else { return }
            text = result
        }
        try write(Self.lines(text))
    }

    private static func lines(_ text: [UInt8]) -> [[UInt8]] {
        text.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
    }

    /// - Returns: the text to write, nil for none.
    private func apply(_ action: CheckAction, _ text: [UInt8], _ write: ([[UInt8]]) throws -> Void) -> [UInt8]? {
        if let (verb, reason) = action.logged {
            log.info(context.line("milter-header-\(verb)", "header", text, reason, showsEmptyReason: true))
        }
        switch action {
        case .discard:
            effects.discard = true
            isOpen = false
            return nil
        case .filter(let text): effects.filter = text
        case .hold: effects.hold = true
        case .bcc(let address): effects.bcc.append(address)
        case .ignore, .strip: return nil
        case .prepend(let header): try? write(Self.lines(header))
        case .redirect(let address):
            effects.redirect = address
            isOpen = false
        case .reject(let text):
            rejection = RejectText(text)
            isOpen = false
        case .replace(let new): return new
        case .dunno, .info, .pass, .warn: break
        }
        return text
    }

    // MARK: Envelope

    package func changeSender(_ address: String, parameters text: String) async throws {
        let parameters = EnvelopeParameters(text, isSender: true) { warnAboutParameter($0) }
        let sender = Self.unbracketed(address)
        var records: [UInt8] = []
        if let senderBcc, !sender.isEmpty, let bcc = try await senderBcc.find(sender) {
            // Nobody asked for it, so nobody is told about it.
            records = self.records(bcc, original: bcc, parameters: nil, notify: 1)
        }
        try editor.changeSender(
            sender, envelopeID: parameters.envelopeID, dsnReturn: parameters.dsnReturn, bcc: records)
        context.sender = sender
    }

    package func addRecipient(_ address: String, parameters text: String = "", expand: Expansion) async throws {
        let parameters = EnvelopeParameters(text, isSender: false) { warnAboutParameter($0) }
        let original = Self.unbracketed(address)
        for recipient in try await expand(original) {
            let records = self.records(
                recipient, original: original, parameters: parameters, notify: parameters.notify ?? 0)
            if !records.isEmpty { try editor.addRecipient(records) }
        }
    }

    package func deleteRecipient(_ address: String) throws {
        for recipient in try editor.deleteRecipients(from: Self.unbracketed(address)) {
            duplicates.forget(
                recipient: recipient.address, original: recipient.original, dsnOriginal: recipient.dsnOriginal,
                dsnNotify: recipient.dsnNotify)
        }
    }

    /// The records of one recipient; none for one that was there already.
    private func records(
        _ recipient: String, original: String, parameters: EnvelopeParameters?, notify: Int
    ) -> [UInt8] {
        let dsnOriginal = parameters?.originalRecipient ?? ""
        if duplicates.isDuplicate(
            recipient: recipient, original: original, dsnOriginal: dsnOriginal, dsnNotify: notify)
        {
            return []
        }
        var bytes: [UInt8] = []
        if notify != 0 { RecordCodec.append(.attribute, "notify_flags=\(notify)", to: &bytes) }
        if !dsnOriginal.isEmpty { RecordCodec.append(.attribute, "dsn_orig_rcpt=\(dsnOriginal)", to: &bytes) }
        RecordCodec.append(.originalRecipient, original, to: &bytes)
        RecordCodec.append(.recipient, recipient, to: &bytes)
        return bytes
    }

    private func warnAboutParameter(_ text: String) { log.warning("\(context.queueID): \(text)") }

    /// `<"a b"@c>` is `a b@c`.
    private static func unbracketed(_ address: String) -> String {
        var text = address[...]
        if text.utf8.first == 0x3C, text.utf8.last == 0x3E { text = text.dropFirst().dropLast() }
        return EmailAddress.unquote(String(text))
    }

    // MARK: Body

    package func beginBody() throws { try editor.beginBody() }

    /// Lines ended by LF; the last one may have no end.
    package func appendBody(_ text: ArraySlice<UInt8>, isLast: Bool) throws {
        var rest = text
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0A)
            var line = rest[..<(end ?? rest.endIndex)]
            rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
            while line.count > editor.lineLimit {
                try editor.writeBody(.continued, line.prefix(editor.lineLimit))
                line = line.dropFirst(editor.lineLimit)
            }
            try editor.writeBody(end != nil || isLast ? .line : .continued, line)
        }
    }

    package func endBody() throws { try editor.endBody() }

    // MARK: End

    /// What checks decided goes into the extracted segment.
    package func finish() throws {
        if let filter = effects.filter { try editor.addMeta(.filter, filter) }
        if let redirect = effects.redirect { try editor.addMeta(.redirect, redirect) }
    }
}
