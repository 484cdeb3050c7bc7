extension QueueFileEditor {
    /// A header record as found: a pointer to it may stand for it.
    private struct Found {
        var offset: Int
        var record: QueueRecord
    }

    /// Behind the last header.
    public func addHeader(_ lines: [[UInt8]]) throws(QueueFileError) {
        try extend(\.headers, headerRecords(lines))
    }

    /// Before the header at a position, counted from 1; at the end when there are not so many.
    public func insertHeader(at position: Int, _ lines: [[UInt8]]) throws(QueueFileError) {
        guard let found = try find(nil, position, allowsPointer: true) else { return try addHeader(lines) }
        var bytes = headerRecords(lines)
        var target = found.record.pointerTarget ?? found.record.nextOffset
        if found.record.type != .pointer {
            // The record that the pointer to the new header takes the place of.
            RecordCodec.append(found.record.type, found.record.payload, to: &bytes)
            bytes += Self.linePadding(found.record.payload.count)
            target = try offsetAfter(found)
        }
        let chain = try appendChain(bytes, backTo: target)
        try write(Self.pointer(chain.start), at: found.offset)
    }

    /// Replaces the header of that name that is the `index`th of its name, counted from 1 and without this system's own
    /// Received:. Adds it when there are not so many.
    public func changeHeader(named name: String, index: Int, _ lines: [[UInt8]]) throws(QueueFileError) {
        guard let found = try find(name, index, allowsPointer: false) else { return try addHeader(lines) }
        let next = try nextHeader(after: found)
        let chain = try appendChain(headerRecords(lines), backTo: next)
        try write(Self.pointer(chain.start), at: found.offset)
    }

    /// - Returns: false when there is no such header.
    @discardableResult
    public func deleteHeader(named name: String, index: Int) throws(QueueFileError) -> Bool {
        guard let found = try find(name, index, allowsPointer: false) else { return false }
        try write(Self.pointer(try nextHeader(after: found)), at: found.offset)
        return true
    }

    // MARK: Records of headers

    /// A first line that is shorter than a pointer has padding behind it.
    func headerRecords(_ lines: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, line) in lines.enumerated() {
            var rest = line[...]
            while rest.count > lineLimit {
                RecordCodec.append(.continued, rest.prefix(lineLimit), to: &bytes)
                rest = rest.dropFirst(lineLimit)
            }
            RecordCodec.append(.line, rest, to: &bytes)
            if index == 0 { bytes += Self.linePadding(line.count) }
        }
        return bytes
    }

    public static func linePadding(_ length: Int) -> [UInt8] {
        guard length < EditPoints.pointerPayload else { return [] }
        return RecordCodec.encode(.padding, padding(max(1, EditPoints.pointerPayload - 2 - length)))
    }

    private static func nameLength(_ line: ArraySlice<UInt8>) -> Int? {
        let name = line.prefix { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
        guard !name.isEmpty, line[name.endIndex...].first(where: { $0 != 0x20 && $0 != 0x09 }) == 0x3A else {
            return nil
        }
        return name.count
    }

    private static func isNamed(_ name: String, _ line: ArraySlice<UInt8>, _ length: Int) -> Bool {
        let wanted = name.utf8
        return wanted.count == length && zip(wanted, line).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    // MARK: Finding headers

    /// Walks the headers in reading order.
    private struct Walk {
        let reader: QueueFileReader
        /// The pointer that led to the record that comes next.
        var pointer: Found?
        private var isContinued = false

        init(_ reader: QueueFileReader) { self.reader = reader }

        /// The next record that starts a header, or the one behind the headers. Nil at the end of the file.
        mutating func next() throws(QueueFileError) -> (found: Found, nameLength: Int?)? {
            pointer = nil
            while let record = try reader.next() {
                switch record.type {
                case .pointer:
                    if pointer == nil { pointer = Found(offset: record.offset, record: record) }
                    try reader.follow(record)
                case .padding: continue
                case .line, .continued:
                    let wasContinued = isContinued
                    isContinued = record.type == .continued
                    if wasContinued || record.payload.first == 0x20 || record.payload.first == 0x09 {
                        pointer = nil
                        continue
                    }
                    return (Found(offset: record.offset, record: record), QueueFileEditor.nameLength(record.payload))
                default: return (Found(offset: record.offset, record: record), nil)
                }
            }
            return nil
        }
    }

    private func find(_ name: String?, _ index: Int, allowsPointer: Bool) throws(QueueFileError) -> Found? {
        // A milter does not know of the Received: header that this system added.
        let ownReceived = name.map { Self.isNamed("received", Array($0.utf8)[...], $0.utf8.count) } ?? false
        var left = max(1, index) + (ownReceived ? 1 : 0)
        var walk = Walk(reader(at: points.data))
        while let (found, nameLength) = try walk.next(), let nameLength {
            if let name, !Self.isNamed(name, found.record.payload, nameLength) { continue }
            left -= 1
            if left == 0 { return allowsPointer ? walk.pointer ?? found : found }
        }
        return nil
    }

    /// Where reading goes on behind a record and its padding.
    private func offsetAfter(_ found: Found) throws(QueueFileError) -> Int {
        guard found.record.payload.count < EditPoints.pointerPayload else { return found.record.nextOffset }
        let next = try reader(at: found.record.nextOffset).next()
        return next?.type == .padding ? next?.nextOffset ?? found.record.nextOffset : found.record.nextOffset
    }

    /// Where the next header is, or the place where headers are added, or what follows the headers.
    private func nextHeader(after found: Found) throws(QueueFileError) -> Int {
        let reader = reader(at: found.record.nextOffset)
        var isContinued = found.record.type == .continued
        while let record = try reader.next() {
            if record.offset == points.headers?.offset { return record.offset }
            switch record.type {
            case .pointer: try reader.follow(record)
            case .padding: continue
            case .line, .continued:
                let isPart = isContinued || record.payload.first == 0x20 || record.payload.first == 0x09
                isContinued = record.type == .continued
                if !isPart { return record.offset }
            default: return record.offset
            }
        }
        return reader.position
    }
}
