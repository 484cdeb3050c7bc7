/// Follows the structure of a message (RFC 2045, RFC 2046): which lines are headers, of the message itself, of a part or of
/// an attached message, and which are body. Streams; total; holds one header and one encoded line.
public struct MIMEParser {
    public struct Limits: Sendable {
        /// header_size_limit: bytes of a header that are kept.
        public var header = 102_400
        /// mime_nesting_limit: so many multipart boundaries, and two more, are looked for at once.
        public var nesting = 100
        /// mime_boundary_length_limit
        public var boundary = 2048

        public init(header: Int = 102_400, nesting: Int = 100, boundary: Int = 2048) {
            self.header = header
            self.nesting = nesting
            self.boundary = boundary
        }
    }

    /// Where a header stands.
    public enum Section: Sendable {
        /// Of the message.
        case primary
        /// Of a part of a multipart.
        case multipart
        /// Of an attached message.
        case nested
    }

    public enum Event: Sendable {
        /// A header, its lines joined by LF. `offset` counts the first lines of the headers of its block, without the
        /// block's first header.
        case header(Section, [UInt8], offset: Int)
        /// The primary headers are over.
        case headersEnd
        /// A body line, or a piece of one that another follows. `offset` counts bytes since the last header ended.
        case body(ArraySlice<UInt8>, endsLine: Bool, offset: Int)
        /// What is wrong, and the text in question. Each kind is told once.
        case problem(MIMEProblem, [UInt8])
    }

    enum State {
        case headers(Section)
        case body
    }

    let limits: Limits
    /// Parts that say 8bit or binary become quoted-printable, what contains them becomes 7bit (RFC 6152 §3).
    let converts: Bool
    var state = State.headers(.primary)
    var boundaries: [(text: [UInt8], isDigest: Bool)] = []
    var content = MIMEContentType(type: "text", subtype: "plain")
    var encoding = MIMEEncoding.sevenBit
    var domain = MIMEEncoding.sevenBit
    /// The header that is being read.
    var header: [UInt8] = []
    /// Bytes of its first line, the line end not counted.
    var firstLineLength = 0
    private var isFirstLine = true
    var isFirstHeader = true
    var headerOffset = 0
    private var isMidLine = false
    private var bodyOffset = 0
    private var encoder = QuotedPrintable()
    public private(set) var problems: Set<MIMEProblem> = []

    public init(limits: Limits = Limits(), converts: Bool = false) {
        self.limits = limits
        self.converts = converts
    }

    /// - Parameters:
    ///   - piece: a line, or a piece of one.
    ///   - endsLine: the line ends behind it.
    public mutating func take(_ piece: ArraySlice<UInt8>, endsLine: Bool, _ emit: (Event) -> Void) {
        defer { isMidLine = !endsLine }
        if case .headers(let section) = state {
            if isMidLine || piece.first == 0x20 || piece.first == 0x09, !header.isEmpty {
                return continueHeader(piece, emit)
            }
            flushHeader(section, emit)
            if Self.headerNameLength(piece) != nil {
                return startHeader(piece, emit)
            }
            endHeaders(section, hasText: !piece.isEmpty, emit)
            if piece.isEmpty {
                enterContent()
                // The encoder has nothing yet: an empty line stays one.
                return put(piece, endsLine: true, emit)
            }
            enter(.body)
        }
        takeBody(piece, endsLine: endsLine, emit)
    }

    /// Starts behind the primary headers, which somebody else has read.
    /// - Parameters:
    ///   - headers: those about MIME, lines joined by LF.
    ///   - emit: gets problems only.
    public mutating func skipHeaders(_ headers: [[UInt8]], _ emit: (Event) -> Void) {
        func problems(_ event: Event) { if case .problem = event { emit(event) } }
        for header in headers { take(header[...], endsLine: true, problems) }
        take([], endsLine: true, problems)
        bodyOffset = 0
    }

    /// The end of the message.
    public mutating func finish(_ emit: (Event) -> Void) {
        guard case .headers(let section) = state else {
            if isMidLine, domain != .sevenBit, converts { takeBody([], endsLine: true, emit) }
            return
        }
        flushHeader(section, emit)
        endHeaders(section, hasText: false, emit)
        state = .body
    }

    public mutating func report(_ problem: MIMEProblem, _ text: some Sequence<UInt8>, _ emit: (Event) -> Void) {
        guard problems.insert(problem).inserted else { return }
        emit(.problem(problem, Array(text)))
    }

    // MARK: Headers

    private mutating func startHeader(_ line: ArraySlice<UInt8>, _ emit: (Event) -> Void) {
        header = []
        firstLineLength = 0
        isFirstLine = true
        append(line, emit)
    }

    private mutating func continueHeader(_ piece: ArraySlice<UInt8>, _ emit: (Event) -> Void) {
        if !isMidLine { isFirstLine = false }
        append(isMidLine ? piece : [0x0A] + piece, emit)
    }

    private mutating func append(_ piece: ArraySlice<UInt8>, _ emit: (Event) -> Void) {
        if isFirstLine { firstLineLength += piece.count }
        // Lines are kept whole: the last one may exceed the limit.
        if header.count < limits.header { header += piece } else { report(.longHeader, header, emit) }
    }

    /// How many bytes of `line` name a header; nil when it is no header.
    static func headerNameLength(_ line: ArraySlice<UInt8>) -> Int? {
        let name = line.prefix { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
        guard !name.isEmpty, line[name.endIndex...].first(where: { $0 != 0x20 && $0 != 0x09 }) == 0x3A else {
            return nil
        }
        return name.count
    }

    // MARK: Body

    mutating func enter(_ next: State) {
        state = next
        bodyOffset = 0
    }

    private mutating func takeBody(_ piece: ArraySlice<UInt8>, endsLine: Bool, _ emit: (Event) -> Void) {
        if !isMidLine, !boundaries.isEmpty, piece.starts(with: [0x2D, 0x2D]), takeBoundary(piece) {
            return put(piece, endsLine: endsLine, emit)
        }
        if domain == .sevenBit, !problems.contains(.eightBitBody), piece.contains(where: { $0 > 0x7F }) {
            report(.eightBitBody, piece, emit)
        }
        guard converts, domain != .sevenBit else { return put(piece, endsLine: endsLine, emit) }
        var output: [UInt8] = []
        encoder.encode(piece, endsLine: endsLine, into: &output)
        var rest = output[...]
        while let end = rest.firstIndex(of: 0x0A) {
            put(rest[..<end], endsLine: true, emit)
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty { put(rest, endsLine: false, emit) }
    }

    private mutating func put(_ piece: ArraySlice<UInt8>, endsLine: Bool, _ emit: (Event) -> Void) {
        emit(.body(piece, endsLine: endsLine, offset: bodyOffset))
        bodyOffset &+= piece.count + (endsLine ? 1 : 0)
    }

    /// A boundary ends every part inside its multipart.
    private mutating func takeBoundary(_ line: ArraySlice<UInt8>) -> Bool {
        let rest = line.dropFirst(2)
        guard let index = boundaries.lastIndex(where: { rest.starts(with: $0.text) }) else { return false }
        let boundary = boundaries[index]
        encoder = QuotedPrintable()
        domain = .sevenBit
        encoding = .sevenBit
        if rest.dropFirst(boundary.text.count).starts(with: [0x2D, 0x2D]) {
            boundaries.removeSubrange(index...)
            enter(.body)
        } else {
            boundaries.removeSubrange((index + 1)...)
            beginHeaders(.multipart, isDigest: boundary.isDigest)
        }
        return true
    }
}
