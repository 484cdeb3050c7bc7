import MailSystem

extension QueueFileReader {
    /// Recipient records in a row after which nothing else is expected. The few of sender_bcc_maps come before the
    /// attributes of the client.
    static let recipientRun = 500

    /// Reads everything but content and recipients. When recipients are not mixed with other records, reading stops
    /// after a run of them: the cost does not grow with their number.
    /// - Parameter requireComplete: a committed message needs sizes, time and sender; a maildrop file has no sizes.
    public func envelope(requireComplete: Bool = true) throws(QueueFileError) -> QueuedMessage {
        options = .standard
        seek(to: 0)
        var parser = EnvelopeParser()
        var content = size
        var run = 0
        while let record = try next() {
            if record.type == .message {
                if parser.message.size.dataOffset <= 0, !requireComplete {
                    content = try skipContent(from: record.nextOffset)
                } else {
                    content = parser.message.extractedOffset
                }
                break
            }
            guard RecordType.envelopeTypes.contains(record.type) else {
                throw .corrupt(reason: "unexpected record type \(record.type.rawValue)", offset: record.offset)
            }
            if try parser.take(record, segment: .envelope) {
                run = 0
                continue
            }
            run += 1
            if run > Self.recipientRun, !parser.message.size.queueFlags.contains(.mixedRecipients),
                parser.message.size.dataOffset > 0
            {
                content = parser.message.extractedOffset
                break
            }
        }
        guard content > 0, content < size else {
            throw .corrupt(reason: "content beyond the file", offset: 0)
        }
        seek(to: content)
        var complete = !requireComplete
        run = 0
        guard let first = try next(), first.type == .extracted else {
            throw .corrupt(reason: "no extracted segment", offset: content)
        }
        while let record = try next() {
            guard RecordType.extractedTypes.contains(record.type) else {
                throw .corrupt(reason: "unexpected record type \(record.type.rawValue)", offset: record.offset)
            }
            if record.type == .end {
                complete = true
                break
            }
            if try parser.take(record, segment: .extracted) {
                run = 0
                continue
            }
            run += 1
            if run > Self.recipientRun, !parser.message.size.queueFlags.contains(.mixedRecipients) {
                complete = true
                break
            }
        }
        guard complete else { throw .corrupt(reason: "missing end record", offset: size) }
        return try parser.finish(requireComplete: requireComplete)
    }

    private func skipContent(from offset: Int) throws(QueueFileError) -> Int {
        seek(to: offset)
        while let record = try next() {
            if record.type == .extracted { return record.offset }
            guard record.type == .line || record.type == .continued else {
                throw .corrupt(reason: "unexpected record type \(record.type.rawValue)", offset: record.offset)
            }
        }
        throw .corrupt(reason: "no extracted segment", offset: offset)
    }

    /// Reads recipients that are still to do.
    /// - Parameter limit: at most this many.
    /// - Returns: the recipients in file order, and where to go on; nil when there are no more.
    public func recipients(
        of message: QueuedMessage, from cursor: RecipientCursor, limit: Int
    ) throws(QueueFileError) -> (batch: [QueuedRecipient], next: RecipientCursor?) {
        options = .standard
        var segment = cursor.segment
        seek(to: cursor.offset)
        var batch: [QueuedRecipient] = []
        var pending = PendingRecipient()
        while true {
            guard let record = try next() else {
                throw .corrupt(reason: "unexpected end of file", offset: position)
            }
            switch record.type {
            case .message:
                segment = .extracted
                seek(to: message.extractedOffset)
                guard let first = try next(), first.type == .extracted else {
                    throw .corrupt(reason: "no extracted segment", offset: message.extractedOffset)
                }
            case .end:
                return (batch, nil)
            case .recipient:
                batch.append(pending.recipient(record))
                pending = PendingRecipient()
                if batch.count >= limit { return (batch, RecipientCursor(segment: segment, offset: position)) }
            case .done, .deletedRecipient:
                pending = PendingRecipient()
            default:
                pending.take(record)
            }
        }
    }
}

/// What stands before a recipient record and belongs to it.
struct PendingRecipient {
    var original = ""
    var dsnOriginal = ""
    var dsnNotify = 0

    mutating func take(_ record: QueueRecord) {
        switch record.type {
        case .originalRecipient: original = record.text
        case .dsnOriginalRecipient: dsnOriginal = record.text
        case .dsnNotify: dsnNotify = RecordCodec.decimal(record.payload) ?? 0
        case .attribute:
            guard let (name, value) = record.attribute else { return }
            if name == "dsn_orig_rcpt" { dsnOriginal = value }
            if name == "notify_flags" { dsnNotify = Int(value) ?? 0 }
        default: break
        }
    }

    func recipient(_ record: QueueRecord) -> QueuedRecipient {
        QueuedRecipient(
            offset: record.offset, address: record.text, original: original, dsnOriginal: dsnOriginal,
            dsnNotify: dsnNotify & 15)
    }
}

/// Collects envelope records into a `QueuedMessage`. Pure.
struct EnvelopeParser {
    var message = QueuedMessage()
    private var haveTime = false
    private var haveSender = false
    private var haveSize = false
    private var firstRecipient: RecipientCursor?

    /// - Returns: true to go on; false when the record belongs to a recipient.
    mutating func take(_ record: QueueRecord, segment: RecipientCursor.Segment) throws(QueueFileError) -> Bool {
        switch record.type {
        case .size:
            guard !haveSize, let size = SizeRecord(payload: record.payload) else {
                throw .corrupt(reason: "bad size record", offset: record.offset)
            }
            guard !size.queueFlags.hasUnknownBits else {
                throw .corrupt(reason: "unknown flags in size record", offset: record.offset)
            }
            message.size = size
            haveSize = true
        case .time:
            if !haveTime {
                let words = record.payload.split(separator: UInt8(ascii: " "))
                guard let seconds = words.first.flatMap({ RecordCodec.decimal($0) }) else {
                    throw .corrupt(reason: "bad time record", offset: record.offset)
                }
                let fraction = words.count > 1 ? RecordCodec.decimal(words[1]) ?? 0 : 0
                message.arrival = MailTime(seconds: seconds, microseconds: min(max(fraction, 0), 999_999))
                haveTime = true
            }
        case .createTime: message.created = RecordCodec.decimal(record.payload)
        case .fullName: message.fullName = record.text
        case .inspector: message.inspector = record.text
        case .filter: message.contentFilter = record.text
        case .sender:
            guard !haveSender else { throw .corrupt(reason: "duplicate sender record", offset: record.offset) }
            message.sender = record.text
            haveSender = true
        case .redirect: message.redirect = record.text
        case .verp: message.verp = record.text
        case .warning:
            guard let time = RecordCodec.decimal(record.payload) else {
                throw .corrupt(reason: "bad warning record", offset: record.offset)
            }
            message.warningTime = time
            message.warningOffset = record.offset
        case .dsnEnvelopeID: message.dsnEnvelopeID = record.text
        case .dsnReturn: message.dsnReturn = RecordCodec.decimal(record.payload) ?? 0
        case .attribute: return takeAttribute(record, segment: segment)
        case .recipient, .done, .originalRecipient, .deletedRecipient, .dsnNotify, .dsnOriginalRecipient:
            return belongsToRecipient(record, segment: segment)
        default: break
        }
        return true
    }

    private mutating func takeAttribute(_ record: QueueRecord, segment: RecipientCursor.Segment) -> Bool {
        guard let (name, value) = record.attribute else { return true }
        switch name {
        case "dsn_orig_rcpt", "notify_flags": return belongsToRecipient(record, segment: segment)
        case "envelope_id": message.dsnEnvelopeID = value
        case "ret_flags": message.dsnReturn = Int(value) ?? 0
        case "create_time": message.created = Int(value)
        case "trace_flags":
            message.attributes[name] = value
            message.traceOffset = record.offset
        default: message.attributes[name] = value
        }
        return true
    }

    private mutating func belongsToRecipient(_ record: QueueRecord, segment: RecipientCursor.Segment) -> Bool {
        if firstRecipient == nil { firstRecipient = RecipientCursor(segment: segment, offset: record.offset) }
        return false
    }

    mutating func finish(requireComplete: Bool) throws(QueueFileError) -> QueuedMessage {
        if requireComplete {
            guard haveSize else { throw .corrupt(reason: "no size record", offset: 0) }
        }
        guard haveTime else { throw .corrupt(reason: "no time record", offset: 0) }
        guard haveSender else { throw .corrupt(reason: "no sender record", offset: 0) }
        message.recipients = firstRecipient
        return message
    }
}
