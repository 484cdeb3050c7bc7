import MailSyntax
import MailSystem
import NIOCore
import Spool

/// One message on its way into the queue: recipients, content, perhaps more recipients, then `finish` or `abort`.
/// Problems do not stop it: they are remembered and `finish` tells them, as SMTP wants them after the data.
/// A message that is neither finished nor aborted leaves nothing on disk.
public final class IncomingMessage: @unchecked Sendable {
    // Unchecked: used from one task at a time; the hops to the blocking pool are ordered by await.
    private enum Segment {
        case envelope, content, extracted
    }

    /// Written to disk when so much has collected; smaller messages cost one write.
    private static let flushThreshold = 128 << 10

    public let queueID: String
    let service: CleanupService
    let envelope: IncomingEnvelope
    let writer: QueueFileWriter
    private(set) var problem: CleanupProblem?
    /// Sender after rewriting and mapping.
    private(set) var sender = ""
    private var effects = MessageEffects()
    private var segment = Segment.envelope
    private var envelopeFinished = false
    private var dataOffset = 0
    private var extractedOffset = 0
    private var headers: HeaderSection
    private var body: BodyWriter
    /// Start of a header line whose end has not come.
    private var partial: [UInt8] = []
    private var inHeaders = true
    /// While the encoding of the parts is of interest.
    private var parts: PartEncodingScanner?
    /// Nil when nothing is checked.
    private var checker: MessageChecker?
    /// Start of a body line that waits to be checked.
    private var uncheckedLine: [UInt8] = []
    private var recipients: RecipientSection

    init(_ service: CleanupService, _ envelope: IncomingEnvelope, _ writer: QueueFileWriter) {
        self.service = service
        self.envelope = envelope
        self.writer = writer
        queueID = writer.id.text
        headers = HeaderSection(service, envelope, writer)
        body = BodyWriter(
            writer, limit: service.settings.lineLengthLimit, replacesStrayCR: service.settings.replacesStrayCR)
        recipients = RecipientSection(service, envelope, writer)
        if let checks = service.checks, envelope.checksContent {
            checker = MessageChecker(checks, log: service.log) { [unowned self] in checkContext }
        }
    }

    /// True when the message will not be taken, whatever follows.
    public var isRefused: Bool { problem != nil }

    // MARK: Envelope

    func writeSender(created: MailTime) async {
        var bcc: String?
        do throws(MappingFailure) {
            sender = try await mappedSender()
            if envelope.wantsBcc, !sender.isEmpty { bcc = try await service.senderBcc.find(sender, queueID: queueID) }
        } catch {
            note(error.problem)
        }
        headers.sender = sender
        EnvelopeWriter(writer: writer, envelope: envelope).begin(sender: sender, created: created)
        // Written here because Postfix does.
        if let bcc, !bcc.isEmpty {
            await write { () throws(MappingFailure) in try await self.recipients.addBcc(bcc) }
        }
    }

    private func mappedSender() async throws(MappingFailure) -> String {
        let rewritten = service.rewriter.rewrite(envelope.sender)
        guard envelope.mapsAddresses, !rewritten.isEmpty, !service.mapper.isIdentity else { return rewritten }
        return try await service.mapper.map(rewritten, role: .envelopeSender, queueID: queueID)
    }

    private func finishEnvelope() {
        guard !envelopeFinished else { return }
        envelopeFinished = true
        let delay = service.settings.delayWarning
        let warns = delay > 0 && !sender.isEmpty
        EnvelopeWriter(writer: writer, envelope: envelope)
            .finish(warningTime: warns ? envelope.arrival.seconds &+ delay : nil)
    }

    /// What access tables decided; replaces what was set before.
    public func setEffects(_ effects: MessageEffects) { self.effects = effects }

    public func setEffects(
        hold: Bool, discard: Bool, filter: String? = nil, redirect: String? = nil, bcc: [String] = []
    ) {
        effects.hold = hold
        effects.discard = discard
        effects.filter = filter
        effects.redirect = redirect
        effects.bcc = bcc
    }

    /// Before the content: an envelope recipient. After it: one that was found in the headers (`sendmail -t`).
    public func addRecipient(_ spec: RecipientSpec) async {
        if segment == .content { await endContent() }
        guard problem == nil else { return }
        if segment == .envelope { finishEnvelope() }
        await write { () throws(MappingFailure) in try await self.recipients.add(spec) }
        await flushIfLarge()
    }

    private func write(_ body: () async throws(MappingFailure) -> Void) async {
        do throws(MappingFailure) {
            try await body()
        } catch {
            note(error.problem)
        }
    }

    private func note(_ new: CleanupProblem) { problem = min(problem ?? new, new) }

    // MARK: Content

    private func beginContent() {
        guard segment == .envelope else { return }
        finishEnvelope()
        segment = .content
        writer.append(.message)
        dataOffset = writer.offset
    }

    /// `Received: by HOST (Postfix)` with the queue id and the time, as for mail that did not come by SMTP.
    /// - Parameter comment: `from userid 0`.
    public func prependReceived(comment: String = "") async {
        let settings = service.settings
        let program = comment.isEmpty ? settings.mailName : "\(settings.mailName), \(comment)"
        await prependHeader(
            "Received: by \(settings.hostName) (\(program))\n\tid \(queueID); \(LocalTime.rfc5322(envelope.arrival))")
    }

    /// A header of the receiving program, before any content. Lines are joined by LF, without one at the end.
    public func prependHeader(_ text: String) async {
        beginContent()
        for line in Array(text.utf8).split(separator: 0x0A, omittingEmptySubsequences: true) {
            if case .header(let header) = headers.assembler.take(line) { await process(header) }
        }
    }

    public func append(_ lines: [UInt8]) async {
        await append(ByteBuffer(bytes: lines))
    }

    /// Content: lines ended by LF only (no CR, dots unstuffed). The last one may be partial.
    public func append(_ lines: ByteBuffer) async {
        guard problem == nil, segment != .extracted else { return }
        beginContent()
        // Nobody will read it.
        if effects.discard { return }
        var rest = lines
        while inHeaders, rest.readableBytes > 0 {
            let view = rest.readableBytesView
            guard let end = view.firstIndex(of: 0x0A) else {
                await keepPartial(&rest)
                continue
            }
            let length = view.distance(from: view.startIndex, to: end)
            let line = partial + (rest.readBytes(length: length) ?? [])
            partial = []
            rest.moveReaderIndex(forwardBy: 1)
            await take(line[...], hasEnd: true)
        }
        if rest.readableBytes > 0 {
            if checker?.wantsBody == true {
                await checkBody(rest.readBytes(length: rest.readableBytes) ?? [])
            } else {
                rest.withUnsafeReadableBytes { writeBody($0) }
            }
        }
        checkSize()
        await flushIfLarge()
    }

    /// A line that has not ended yet: wait for the rest, unless it can only be body or is longer than any header.
    private func keepPartial(_ rest: inout ByteBuffer) async {
        let bytes = rest.readBytes(length: rest.readableBytes) ?? []
        let settings = service.settings
        let kept = min(bytes.count, max(0, settings.headerSizeLimit + 1 - partial.count))
        partial += bytes.prefix(kept)
        guard partial.count > min(settings.lineLengthLimit, settings.headerSizeLimit), !headers.accepts(partial[...])
        else { return }
        let line = partial
        partial = []
        await take(line[...], hasEnd: false)
        // Nothing is cut from body text.
        if kept < bytes.count { await writeText(bytes[kept...]) }
    }

    /// One line while in the headers.
    private func take(_ line: ArraySlice<UInt8>, hasEnd: Bool) async {
        var line = line
        if service.settings.replacesStrayCR, line.contains(0x0D) {
            line = line.map { $0 == 0x0D ? 0x20 : $0 }[...]
        }
        switch headers.take(line) {
        case .none: break
        case .header(let header): await process(header)
        case .end(let last, let separator):
            if let last { await process(last) }
            if problem == nil { headers.end() }
            inHeaders = false
            writer.append(.line)
            beginChecksOfBody()
            if service.settings.detectsEncoding, !headers.is8bit, let type = headers.contentType {
                parts = PartEncodingScanner(contentType: type)
            }
            if !separator {
                await writeText(line)
                if hasEnd { await writeText([0x0A]) }
            }
        }
    }

    private func writeBody(_ bytes: UnsafeRawBufferPointer) {
        body.append(bytes)
        scanParts(bytes)
    }

    private func scanParts(_ bytes: UnsafeRawBufferPointer) {
        guard parts != nil else { return }
        parts?.take(bytes)
        if parts?.found8bit == true {
            headers.is8bit = true
            parts = nil
        }
    }

    private func process(_ header: HeaderLine) async {
        if checker != nil { return await processChecked(header) }
        await processUnchecked(header)
    }

    private func processUnchecked(_ header: HeaderLine) async {
        await write { () throws(MappingFailure) in try await self.headers.process(header) }
        if headers.hasTooManyHops, problem != .tooManyHops {
            service.log.warning("\(queueID): message rejected: hopcount exceeded")
            note(.tooManyHops)
        }
    }

    private func checkSize() {
        let limit = service.settings.messageSizeLimit
        guard limit > 0, writer.offset > limit, problem == nil else { return }
        exceedSize()
    }

    /// The content is larger than message_size_limit.
    public func exceedSize() {
        guard problem == nil else { return }
        service.log.warning("\(queueID): queue file size limit exceeded")
        note(.tooLarge)
    }

    private func flushIfLarge() async {
        guard problem == nil, writer.bufferedBytes >= Self.flushThreshold else { return }
        let writer = writer
        do {
            try await service.pool.run { () throws(SystemError) in try writer.flush() }
        } catch {
            service.log.warning("\(queueID): write queue file: \(error.reason)")
            note(.writeFailure)
        }
    }

    private func endContent() async {
        beginContent()
        guard segment == .content else { return }
        if inHeaders {
            if !partial.isEmpty {
                let line = partial
                partial = []
                await take(line[...], hasEnd: true)
            }
            if inHeaders, problem == nil, !effects.discard {
                if let last = headers.assembler.finish() { await process(last) }
                headers.end()
            }
        }
        if checker?.wantsBody == true || !uncheckedLine.isEmpty { await finishChecksOfBody() }
        body.finish()
        segment = .extracted
        extractedOffset = writer.offset
        writer.append(.extracted)
        if let filter = checker?.effects.filter ?? effects.filter { writer.append(.filter, filter) }
        if let redirect = checker?.effects.redirect ?? effects.redirect { writer.append(.redirect, redirect) }
        headers.writeAttributes()
        checkSize()
    }

    // MARK: End

    /// Makes the message durable and tells the queue manager.
    public func finish() async -> CleanupVerdict {
        await endContent()
        if effects.discard || checker?.effects.discard == true, problem == nil {
            await abort()
            return .discarded(queueID: queueID)
        }
        if problem == nil { await addAutomaticRecipients() }
        if problem == nil, recipients.count == 0 { note(.noRecipients) }
        if problem == nil { await commit() }
        if let problem {
            await abort()
            return .refused(problem)
        }
        if !holds { service.announce(queueID) }
        return .accepted(queueID: queueID, size: extractedOffset - dataOffset)
    }

    private var holds: Bool { effects.hold || checker?.effects.hold == true }

    private func addAutomaticRecipients() async {
        for address in checker?.effects.bcc ?? [] {
            await write { () throws(MappingFailure) in try await self.recipients.addBcc(address) }
        }
        if !effects.bcc.isEmpty { recipients.markUnannounced() }
        for address in effects.bcc {
            await write { () throws(MappingFailure) in try await self.recipients.add(RecipientSpec(address)) }
        }
        let always = service.settings.alwaysBcc
        if envelope.wantsBcc, !always.isEmpty {
            await write { () throws(MappingFailure) in try await self.recipients.addBcc(always) }
        }
    }

    private func commit() async {
        writer.append(.end)
        let size = SizeRecord(
            segmentLength: extractedOffset - dataOffset, dataOffset: dataOffset, recipientCount: recipients.count,
            queueFlags: recipients.flags, contentLength: extractedOffset - dataOffset,
            sendOptions: envelope.sendOptions.union(headers.sendOptions).union(
                ASCII.isASCII(sender) ? [] : .smtputf8Sender))
        let (writer, queue, hold, expanded) = (writer, service.queue, holds, recipients.expanded)
        do {
            // One hop: everything that blocks.
            try await service.pool.run { () throws(SystemError) in
                if hold { try writer.relocate(to: "hold") }
                try BounceLog.append(queue, queue: "trace", id: writer.id, expanded)
                try writer.commit(size: size)
            }
        } catch {
            service.log.warning("\(queueID): write queue file: \(error.reason)")
            note(.writeFailure)
        }
    }

    /// Leaves nothing on disk.
    public func abort() async {
        let (writer, queue, hasTrace) = (writer, service.queue, !recipients.expanded.isEmpty)
        await service.pool.run {
            writer.abort()
            if hasTrace { try? BounceLog.remove(queue, queue: "trace", id: writer.id) }
        }
    }
}

// MARK: Checks of the content

extension IncomingMessage {
    private var checkContext: MessageEditor.Context {
        var context = MessageEditor.Context(
            queueID: queueID, origin: "local", sender: EmailAddress.quoted(sender),
            recipient: EmailAddress.quoted(recipients.last))
        if let client = envelope.client {
            let logged = client.forwarded
            context.origin = logged?.messageOrigin ?? client.origin
            let protocolName = logged?.protocolName ?? client.protocolName
            let helo = logged?.heloName ?? client.heloName
            if !protocolName.isEmpty { context.session += " proto=\(protocolName)" }
            if !helo.isEmpty { context.session += " helo=<\(helo)>" }
        }
        return context
    }

    private func processChecked(_ header: HeaderLine) async {
        guard let result = await checker?.check(primary: header.bytes) else { return }
        noteChecks()
        for line in result.prepended { headers.write(text: line) }
        guard let text = result.text else { return }
        guard let changed = HeaderLine(text) else { return headers.write(text: text) }
        if changed.key == "content-type" || changed.key == "content-transfer-encoding" { checker?.noteMIME(text) }
        await processUnchecked(changed)
    }

    /// What the checks decided may end the message.
    private func noteChecks() {
        if let rejection = checker?.rejection {
            note(.contentRejected(status: rejection.statusText, text: rejection.text))
        }
        if checker?.hasFailed == true { note(.writeFailure) }
    }

    private func beginChecksOfBody() {
        guard checker?.wantsBody == true else { return }
        checker?.beginBody()
        noteChecks()
    }

    private func writeText(_ bytes: ArraySlice<UInt8>) async {
        if checker?.wantsBody == true { return await checkBody(Array(bytes)) }
        bytes.withUnsafeBytes { writeBody($0) }
    }

    private func checkBody(_ bytes: [UInt8]) async {
        bytes.withUnsafeBytes { scanParts($0) }
        let limit = service.settings.lineLengthLimit
        var rest = bytes[...]
        while !rest.isEmpty, problem == nil {
            let end = rest.firstIndex(of: 0x0A)
            uncheckedLine += rest[..<(end ?? rest.endIndex)]
            rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
            if service.settings.replacesStrayCR {
                for index in uncheckedLine.indices where uncheckedLine[index] == 0x0D { uncheckedLine[index] = 0x20 }
            }
            while uncheckedLine.count >= limit {
                await checkLine(uncheckedLine[..<limit], endsLine: false)
                uncheckedLine.removeFirst(limit)
            }
            guard end != nil else { return }
            await checkLine(uncheckedLine[...], endsLine: true)
            uncheckedLine.removeAll(keepingCapacity: true)
            await flushIfLarge()
        }
    }

    private func checkLine(_ line: ArraySlice<UInt8>, endsLine: Bool) async {
        writeChecked(await checker?.check(body: line, endsLine: endsLine) ?? [])
    }

    private func writeChecked(_ output: [MessageChecker.Written]) {
        for written in output {
            switch written {
            case .header(let text): headers.write(text: text)
            case .body(let text, let endsLine): writer.append(endsLine ? .line : .continued, text)
            }
        }
        noteChecks()
    }

    private func finishChecksOfBody() async {
        if !uncheckedLine.isEmpty { await checkLine(uncheckedLine[...], endsLine: true) }
        uncheckedLine = []
        writeChecked(await checker?.finish() ?? [])
    }
}
