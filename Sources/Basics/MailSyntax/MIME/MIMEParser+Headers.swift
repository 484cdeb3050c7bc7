extension MIMEParser {
    mutating func beginHeaders(_ section: Section, isDigest: Bool) {
        state = .headers(section)
        content =
            isDigest
            ? MIMEContentType(type: "message", subtype: "rfc822") : MIMEContentType(type: "text", subtype: "plain")
        encoding = .sevenBit
        domain = .sevenBit
        isFirstHeader = true
        headerOffset = 0
    }

    /// The header that was being read is complete.
    mutating func flushHeader(_ section: Section, _ emit: (Event) -> Void) {
        guard !header.isEmpty, let nameLength = Self.headerNameLength(header[...]) else { return }
        defer { header.removeAll(keepingCapacity: true) }
        if isFirstHeader { isFirstHeader = false } else { headerOffset += firstLineLength + 1 }
        // White space before the colon goes.
        if let colon = header.firstIndex(of: 0x3A), colon > nameLength { header.removeSubrange(nameLength..<colon) }
        if !problems.contains(.eightBitHeader), header.contains(where: { $0 > 0x7F }) {
            report(.eightBitHeader, header, emit)
        }
        let value = header[min(nameLength + 1, header.count)...]
        switch ASCII.lowercased(String(decoding: header[..<nameLength], as: UTF8.self)) {
        case "content-type": takeContentType(value, emit)
        case "content-transfer-encoding":
            if let found = mimeToken(value).flatMap({ MIMEEncoding(rawValue: $0) }) {
                encoding = found
                domain = found.domain
            }
            // Written anew at the end of the headers.
            if converts, domain != .sevenBit { return }
        default: break
        }
        emit(.header(section, header, offset: headerOffset))
    }

    private mutating func takeContentType(_ value: ArraySlice<UInt8>, _ emit: (Event) -> Void) {
        content = MIMEContentType(value, boundaryLimit: limits.boundary) ?? MIMEContentType(type: "", subtype: "")
        guard content.type == "multipart", let boundary = content.boundary else { return }
        // Two more than the limit says, as Postfix counts.
        guard boundaries.count < limits.nesting + 2 else { return report(.nesting, header, emit) }
        boundaries.append((boundary, content.subtype == "digest"))
    }

    /// RFC 2045 §6.4: must not be encoded. RFC 6532 §3.5 lets message/global be encoded.
    private var isComposite: Bool {
        content.type == "multipart" || (content.type == "message" && content.subtype != "global")
    }

    /// Headers follow. An encoded message/global, or one that is about to be encoded, is text like any other.
    private var holdsMessage: Bool {
        guard content.type == "message" else { return false }
        return content.subtype == "rfc822"
            || (content.subtype == "global" && encoding == domain && !(converts && domain != .sevenBit))
    }

    /// - Parameter hasText: a line that is no header ends the headers.
    mutating func endHeaders(_ section: Section, hasText: Bool, _ emit: (Event) -> Void) {
        if converts, domain != .sevenBit {
            let text = "Content-Transfer-Encoding: \(isComposite ? "7bit" : "quoted-printable")"
            emit(.header(section, Array(text.utf8), offset: headerOffset))
        }
        if section == .primary { emit(.headersEnd) }
        if isComposite, encoding != domain {
            report(.encodingDomain, encoding.rawValue.utf8, emit)
        }
        if hasText {
            // A line is missing that tells the headers of the message from its body.
            if section == .primary { emit(.body([], endsLine: true, offset: 0)) }
        }
    }

    /// Behind the empty line.
    mutating func enterContent() {
        if holdsMessage {
            enter(.body)
            beginHeaders(.nested, isDigest: false)
            return
        }
        enter(.body)
        if content.type == "multipart" { domain = .sevenBit }
    }
}

/// Values of Content-Transfer-Encoding: (RFC 2045 §6.1).
public enum MIMEEncoding: String, Sendable {
    case sevenBit = "7bit"
    case eightBit = "8bit"
    case binary
    case base64
    case quotedPrintable = "quoted-printable"

    /// What the encoded text is made of.
    public var domain: MIMEEncoding {
        switch self {
        case .eightBit, .binary: self
        case .sevenBit, .base64, .quotedPrintable: .sevenBit
        }
    }
}

/// What can be wrong with the structure of a message.
public enum MIMEProblem: Sendable, CaseIterable {
    case nesting
    case longHeader
    case eightBitHeader
    case eightBitBody
    case encodingDomain

    /// The words of log lines and replies.
    public var text: String {
        switch self {
        case .nesting: "MIME nesting exceeds safety limit"
        case .longHeader: "message header length exceeds safety limit"
        case .eightBitHeader: "improper use of 8-bit data in message header"
        case .eightBitBody: "improper use of 8-bit data in message body"
        case .encodingDomain: "invalid message/* or multipart/* encoding domain"
        }
    }

    /// The same about the whole message.
    public var summary: String {
        self == .encodingDomain ? "improper message/* or multipart/* encoding domain" : text
    }
}
