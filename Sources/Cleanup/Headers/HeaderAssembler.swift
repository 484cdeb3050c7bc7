import MailSyntax

/// Joins content lines into headers and finds their end. Pure; holds at most one header of limited size.
struct HeaderAssembler {
    enum Event: Equatable {
        /// The line went into the current header, or was swallowed.
        case none
        /// A header ended.
        case header(HeaderLine)
        /// The headers are over. `separator`: the line was the empty line; else it belongs to the body and an empty
        /// line is missing.
        case end(last: HeaderLine?, separator: Bool)
    }

    private var current: [UInt8] = []
    private var isCut = false
    private let limit: Int
    private let nameLimit: Int

    /// - Parameters:
    ///   - limit: header_size_limit.
    ///   - nameLimit: a line without colon in so many bytes is no header.
    init(limit: Int, nameLimit: Int) {
        self.limit = limit
        self.nameLimit = nameLimit
    }

    /// - Parameter line: without its LF.
    mutating func take(_ line: ArraySlice<UInt8>) -> Event {
        guard let first = line.first else { return .end(last: finish(), separator: true) }
        if first == 0x20 || first == 0x09 {
            guard !current.isEmpty else { return .end(last: nil, separator: false) }
            append([0x0A])
            append(line)
            return .none
        }
        guard HeaderLine.colon(line.prefix(nameLimit)) != nil else { return .end(last: finish(), separator: false) }
        let previous = finish()
        append(line)
        return previous.map { .header($0) } ?? .none
    }

    /// The header that was being collected.
    mutating func finish() -> HeaderLine? {
        guard !current.isEmpty else { return nil }
        // The rest of a continuation line that the limit has cut goes too, when it is no more than a tenth of the limit.
        if isCut, let end = current.lastIndex(of: 0x0A), end >= limit - limit / 10 {
            current.removeSubrange(end...)
        }
        if current.last == 0x0A { current.removeLast() }
        defer {
            current = []
            isCut = false
        }
        return HeaderLine(current)
    }

    /// True when a line that starts like this belongs to the headers.
    func accepts(_ start: ArraySlice<UInt8>) -> Bool {
        guard let first = start.first else { return true }
        if first == 0x20 || first == 0x09 { return !current.isEmpty }
        return HeaderLine.colon(start.prefix(nameLimit)) != nil
    }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        let room = max(0, limit - current.count)
        if bytes.count > room { isCut = true }
        current += bytes.prefix(room)
    }
}
