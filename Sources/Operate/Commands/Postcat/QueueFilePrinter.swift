import MailSystem
import Spool
import Submission

/// Prints the records of one queue file as postcat(1) does.
struct QueueFilePrinter {
    private enum Part { case envelope, header, body, extracted }

    private let name: String
    private let options: PostcatOptions
    private let reader: QueueFileReader
    private let write: ([UInt8]) throws -> Void
    private var part = Part.envelope
    private var lineIsOpen = false
    private var finished = false
    private var contentEnd: Int?

    /// - Parameter name: shown in the titles.
    init(name: String, options: PostcatOptions, reader: QueueFileReader, write: @escaping ([UInt8]) throws -> Void) {
        self.name = name
        self.options = options
        self.reader = reader
        self.write = write
        reader.options = []
        reader.seek(to: options.start)
    }

    mutating func print() throws {
        var isFirst = options.start == 0
        // Where the search for the next shown record began: that is the offset that is printed.
        var offset = reader.position
        while !finished, let record = try reader.next() {
            if isFirst, options.envelope { try title("ENVELOPE RECORDS", record, offset: nil) }
            isFirst = false
            let hidden = record.type == .pointer || record.type == .padding
            if !hidden || options.verbose { try show(record, offset: offset) }
            if record.type == .pointer, !options.raw { try reader.follow(record) }
            if !hidden || options.verbose { offset = reader.position }
        }
    }

    private mutating func show(_ record: QueueRecord, offset: Int) throws {
        switch record.type {
        case .message where part == .envelope:
            if options.envelope { try title("MESSAGE CONTENTS", record, offset: offset) }
            part = .header
            // Nothing of the content is wanted: go to its end at once.
            if !options.header, !options.body, let end = contentEnd { reader.seek(to: end) }
        case .extracted:
            if lineIsOpen { try endLine() }
            part = .extracted
            if options.envelope { try title("HEADER EXTRACTED", record, offset: offset) }
        case .end:
            if options.envelope { try title("MESSAGE FILE END", record, offset: offset) }
            finished = true
        default:
            switch part {
            case .envelope, .extracted: if options.envelope { try showEnvelope(record, offset: offset) }
            case .header, .body: try showContent(record, offset: offset)
            }
        }
    }

    private func prefix(_ record: QueueRecord, _ offset: Int?) -> String {
        var text = options.fileNames ? "\(name): " : ""
        guard let offset else { return text }
        if options.offsets { text += pad(offset, 9) + " " }
        if options.decimalTypes { text += pad(Int(record.type.rawValue), 3) + " " }
        return text
    }

    private func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: " ", count: max(0, width - digits.count)) + digits
    }

    private func title(_ text: String, _ record: QueueRecord, offset: Int?) throws {
        try write(Array("\(prefix(record, offset))*** \(text) \(name) ***\n".utf8))
    }

    private func line(_ record: QueueRecord, _ offset: Int, _ label: String, _ payload: some Collection<UInt8>) throws {
        try write(Array("\(prefix(record, offset))\(label): ".utf8) + payload + [0x0a])
    }

    private mutating func showEnvelope(_ record: QueueRecord, offset: Int) throws {
        let label = record.type.name ?? "unknown_record_type"
        switch record.type {
        case .size:
            if let size = SizeRecord(payload: record.payload), size.dataOffset > 0 {
                let (end, overflow) = size.dataOffset.addingReportingOverflow(size.segmentLength)
                if !overflow, end > record.offset, end < reader.size { contentEnd = end }
            }
            try line(record, offset, label, record.payload)
        case .time, .createTime, .warning:
            let first = record.payload.split(separator: UInt8(ascii: " ")).first ?? []
            try line(record, offset, label, Self.time(RecordCodec.decimal(first) ?? 0).utf8)
        case .attribute:
            if let (name, value) = record.attribute, name == "create_time", let seconds = Int(value) {
                try line(record, offset, name, Self.time(seconds).utf8)
            } else {
                try line(record, offset, label, record.payload)
            }
        default: try line(record, offset, label, record.payload)
        }
    }

    private static func time(_ seconds: Int) -> String { LocalTime.asctime(MailTime(seconds: seconds)) }

    private mutating func showContent(_ record: QueueRecord, offset: Int) throws {
        let isText = record.type == .line || record.type == .continued
        if isText, part == .header, !lineIsOpen, !Self.belongsToHeader(record.payload) { part = .body }
        guard part == .header ? options.header : options.body else {
            if isText { lineIsOpen = record.type == .continued }
            // Nothing more to show.
            if part == .body, !options.envelope { finished = true }
            return
        }
        if options.verbose {
            let label = record.type == .continued ? "unterminated_text" : record.type.name ?? "unknown_record_type"
            try line(record, offset, label, record.payload)
            if isText { lineIsOpen = record.type == .continued }
            return
        }
        guard isText else { return try line(record, offset, record.type.name ?? "unknown_record_type", record.payload) }
        var bytes = lineIsOpen ? [] : Array(prefix(record, offset).utf8)
        bytes += record.payload
        lineIsOpen = record.type == .continued
        if !lineIsOpen { bytes.append(0x0a) }
        try write(bytes)
    }

    private mutating func endLine() throws {
        lineIsOpen = false
        let shown = part == .header ? options.header : options.body
        if shown, !options.verbose { try write([0x0a]) }
    }

    /// `name:`, or white space that continues a header.
    private static func belongsToHeader(_ line: ArraySlice<UInt8>) -> Bool {
        guard let first = line.first else { return false }
        if first == 0x20 || first == 0x09 { return true }
        guard let end = line.firstIndex(where: { $0 <= 0x20 || $0 >= 0x7f || $0 == UInt8(ascii: ":") }),
            end > line.startIndex,
            let colon = line[end...].firstIndex(where: { $0 != 0x20 && $0 != 0x09 })
        else { return false }
        return line[colon] == UInt8(ascii: ":")
    }
}
