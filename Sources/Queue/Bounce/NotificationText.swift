import MailSyntax
import Spool

/// The text of a notification in pieces, as its reader wants them. Calls block.
public final class NotificationText: @unchecked Sendable {
    // Unchecked: used from one task at a time; the hops to the blocking pool are ordered by await.
    private enum Part { case header, explanations, reports, original, end, done }

    private let notification: Notification
    private let log: any NotificationLog
    private let original: QueueFileReader?
    private var part = Part.header
    private var cursor: (any NotificationLogCursor)?
    private var returned: ReturnedMessage?

    /// - Parameters:
    ///   - log: what happened to the recipients.
    ///   - original: the reported message; nil when its content cannot be had. The caller closes it.
    public init(_ notification: Notification, log: some NotificationLog, original: QueueFileReader?) {
        self.notification = notification
        self.log = log
        self.original = original
    }

    public func close() {
        cursor?.close()
        cursor = nil
    }

    /// `count` bytes and somewhat more, fewer at the end; nil after it.
    public func next(_ count: Int) throws -> [UInt8]? {
        var text: [UInt8] = []
        while text.count < count, let piece = try next() { text += piece }
        return text.isEmpty ? nil : text
    }

    /// The next piece; nil at the end.
    func next() throws -> [UInt8]? {
        switch part {
        case .header:
            part = .explanations
            return Array((notification.header + notification.introduction).utf8)
        case .explanations:
            if let entry = try nextEntry() { return Array("\n\(notification.explanation(entry))".utf8) }
            part = .reports
            return Array(notification.reportHeader.utf8)
        case .reports:
            if let entry = try nextEntry() { return Array("\n\(notification.report(entry))".utf8) }
            part = .original
            return try next()
        case .original:
            if let original {
                let returned = self.returned ?? ReturnedMessage(notification, original)
                self.returned = returned
                if let piece = try returned.next() { return piece }
            }
            part = .end
            return try next()
        case .end:
            part = .done
            return Array("\n--\(notification.boundary)--\n".utf8)
        case .done: return nil
        }
    }

    /// The next entry that is reported; nil at the end of the log, which is then closed.
    private func nextEntry() throws -> RecipientLogEntry? {
        let cursor = try self.cursor ?? log.makeCursor()
        self.cursor = cursor
        while let entry = try cursor.next() {
            if notification.kind.reports(notify: entry.dsnNotify) { return entry }
        }
        close()
        return nil
    }
}

/// The part with the returned message, or its header.
private final class ReturnedMessage {
    private let content: ContentReader
    private let isWhole: Bool
    private var start: [UInt8]?
    private var scanner = HeaderEnd()
    private var last: UInt8 = 0x0a
    private var hasEnded = false

    init(_ notification: Notification, _ original: QueueFileReader) {
        let (message, settings) = (notification.subject.message, notification.settings)
        let tooLarge = settings.sizeLimit > 0 && message.size.segmentLength > settings.sizeLimit
        let kind = notification.kind
        isWhole = kind.returnsContent && !tooLarge && (message.dsnReturn != 2 || kind == .doubleBounce)
        let isGlobal = notification.isGlobal
        let type =
            isWhole
            ? isGlobal ? "message/global" : "message/rfc822"
            : isGlobal ? "message/global-headers" : "text/rfc822-headers"
        let description = kind.attachmentDescription + (isWhole ? "" : " Headers")
        start = Array(
            (notification.partHeader(description, type)
                + "Return-Path: <\(Notification.address(notification.originalSender))>\n").utf8)
        content = ContentReader(original, dataOffset: message.size.dataOffset, format: .text)
    }

    func next() throws -> [UInt8]? {
        if let start {
            self.start = nil
            return start
        }
        guard !hasEnded else { return nil }
        guard var chunk = try content.nextChunk() else {
            hasEnded = true
            // A last line without an end would swallow the boundary.
            return last == 0x0a || !isWhole ? nil : [0x0a]
        }
        if !isWhole, let end = scanner.end(in: chunk) {
            chunk.removeSubrange(end...)
            hasEnded = true
            return chunk.isEmpty ? nil : chunk
        }
        last = chunk.last ?? last
        return chunk
    }
}
