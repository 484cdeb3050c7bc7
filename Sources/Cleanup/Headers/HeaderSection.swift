import MailSyntax
import MailSystem
import Routing
import Spool

/// The headers of one message: which were there, what is rewritten, dropped and added.
struct HeaderSection {
    var assembler: HeaderAssembler
    /// Rewritten envelope sender, for a missing From:.
    var sender = ""
    private let service: CleanupService
    private let envelope: IncomingEnvelope
    private let writer: QueueFileWriter
    private let rewriter: HeaderRewriter
    private let rewrites: Bool
    private var seen: Set<String> = []
    private var isResent = false
    private var hops = 0
    private var messageID: String?
    /// The message or one of its parts says that it is 8-bit text.
    var is8bit = false
    /// Value of the last Content-Type.
    private(set) var contentType: ArraySlice<UInt8>?
    private var hasUTF8 = false
    /// Only the receiving program's own headers came so far.
    private var atStart = true

    init(_ service: CleanupService, _ envelope: IncomingEnvelope, _ writer: QueueFileWriter) {
        self.service = service
        self.envelope = envelope
        self.writer = writer
        assembler = HeaderAssembler(
            limit: service.settings.headerSizeLimit,
            nameLimit: min(service.settings.lineLengthLimit, service.settings.headerSizeLimit))
        rewriter = HeaderRewriter(
            rewriter: service.rewriter, mapper: envelope.mapsAddresses ? service.mapper : nil,
            tokenLimit: service.settings.addressTokenLimit, log: service.log)
        rewrites = envelope.rewriteContext == .local || service.rewriter.rewritesRemoteHeaders
    }

    var hasTooManyHops: Bool { hops >= service.settings.hopCountLimit }

    var sendOptions: SizeRecord.SendOptions { hasUTF8 ? .smtputf8Header : [] }

    private var queueID: String { writer.id.text }

    /// One line of the sender's content.
    mutating func take(_ line: ArraySlice<UInt8>) -> HeaderAssembler.Event {
        guard atStart else { return assembler.take(line) }
        if isMailboxLine(line) { return assembler.take(Array("X-Mailbox-Line: ".utf8)[...] + line) }
        atStart = false
        // A line that starts with a blank would become part of the Received: header.
        if line.first == 0x20 || line.first == 0x09 { return .end(last: assembler.finish(), separator: false) }
        return assembler.take(line)
    }

    func accepts(_ start: ArraySlice<UInt8>) -> Bool {
        if atStart, start.first == 0x20 || start.first == 0x09 { return false }
        return isMailboxLine(start) || assembler.accepts(start)
    }

    /// `From user date`, the separator of mailbox files, which some programs leave in front of a message.
    private func isMailboxLine(_ line: ArraySlice<UInt8>) -> Bool {
        guard atStart, envelope.source == .network || envelope.source == .local else { return false }
        return line.drop { $0 == 0x3E }.starts(with: "From ".utf8)
    }

    mutating func process(_ header: HeaderLine) async throws(MappingFailure) {
        if !hasUTF8, header.bytes.contains(where: { $0 > 0x7F }) { hasUTF8 = true }
        if KnownHeaders.tracked.contains(header.key) { seen.insert(header.key) }
        if KnownHeaders.isResent(header.key) { isResent = true }
        switch header.key {
        case "received": hops += 1
        case "message-id":
            messageID = header.text
            service.log.info("\(queueID): message-id=\(header.text)")
        case "resent-message-id": service.log.info("\(queueID): resent-message-id=\(header.text)")
        case "content-transfer-encoding":
            if PartEncodingScanner.is8bit(header.value) { is8bit = true }
        case "content-type": contentType = header.value
        default: break
        }
        if service.settings.dropHeaders.contains(header.key) { return }
        if rewrites, let role = KnownHeaders.role(header.key),
            let lines = try await rewriter.rewrite(
                header, role: role, context: envelope.rewriteContext, queueID: queueID)
        {
            for line in lines { write(line[...]) }
        } else {
            for line in header.lines { write(line) }
        }
    }

    /// After the last header: adds what is missing, and logs a message id in any case.
    mutating func end() {
        atStart = false
        if rewrites || service.settings.alwaysAddsHeaders {
            let missing = MissingHeaders(
                queueID: queueID, arrival: envelope.arrival, sender: sender, fullName: envelope.fullName, seen: seen,
                isResent: isResent, settings: service.settings)
            for line in missing.lines { write(Array(line.utf8)[...]) }
            if missing.needsMessageID {
                service.log.info("\(queueID): \(isResent ? "resent-" : "")message-id=\(missing.messageID)")
                if !isResent { messageID = missing.messageID }
            }
        }
        if messageID == nil { service.log.info("\(queueID): message-id=<>") }
    }

    /// What the content told about the message, for the extracted segment.
    func writeAttributes() {
        if let messageID, !messageID.isEmpty {
            writer.append(attribute: "message_id", messageID)
        }
        if service.settings.detectsEncoding, is8bit {
            writer.append(attribute: "encoding", "8bit")
        } else if !envelope.encoding.isEmpty {
            writer.append(attribute: "encoding", envelope.encoding)
        }
    }

    /// A header as it is, its lines joined by LF.
    func write(text: [UInt8]) {
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) { write(line) }
    }

    private func write(_ line: ArraySlice<UInt8>) {
        var rest = line
        let limit = service.settings.lineLengthLimit
        while rest.count > limit {
            writer.append(.continued, rest.prefix(limit))
            rest = rest.dropFirst(limit)
        }
        writer.append(.line, rest)
    }
}
