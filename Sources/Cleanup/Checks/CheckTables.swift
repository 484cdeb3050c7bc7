import Configuration
import Lookup
import MailSyntax
import MailSystem

/// The tables of header_checks, mime_header_checks, nested_header_checks and body_checks, or of one of the delivery
/// agent's and milter's variants of them.
package struct CheckTables: Sendable {
    /// One parameter's tables.
    struct Kind: Sendable {
        let parameter: String
        let maps: Maps
        var isEmpty: Bool { maps.isEmpty }

        init(_ parameter: String, _ value: String, _ opener: TableOpener) {
            self.parameter = parameter
            maps = Maps(value, title: parameter, opener: opener, options: [.anyOctets])
        }
    }

    let primary: Kind
    let multipart: Kind
    let nested: Kind
    let body: Kind
    private let log: MailLog

    package init(_ parameters: Parameters, opener: TableOpener, log: MailLog) {
        self.init(
            header: parameters["header_checks"], mime: parameters["mime_header_checks"],
            nested: parameters["nested_header_checks"], body: parameters["body_checks"], opener: opener, log: log)
    }

    /// - Parameter prefix: of the parameters' names, for log lines: `milter_`.
    package init(
        header: String, mime: String, nested: String, body: String, prefix: String = "", opener: TableOpener,
        log: MailLog
    ) {
        primary = Kind("\(prefix)header_checks", header, opener)
        multipart = Kind("\(prefix)mime_header_checks", mime, opener)
        self.nested = Kind("\(prefix)nested_header_checks", nested, opener)
        self.body = Kind("\(prefix)body_checks", body, opener)
        self.log = log
    }

    package var isEmpty: Bool { primary.isEmpty && multipart.isEmpty && nested.isEmpty && body.isEmpty }
    /// Nothing to look at beyond the headers of the message.
    var coversPrimaryOnly: Bool { multipart.isEmpty && nested.isEmpty && body.isEmpty }

    /// - Parameters:
    ///   - header: its lines joined by LF.
    ///   - section: where it stands. Headers about MIME belong to mime_header_checks wherever they stand.
    /// - Throws: a table cannot answer.
    package func check(header: [UInt8], in section: MIMEParser.Section) async throws(LookupError) -> CheckAction {
        try await ask(kind(header, section), header, isHeader: true)
    }

    private func kind(_ header: [UInt8], _ section: MIMEParser.Section) -> Kind {
        if section == .multipart || Self.isAboutMIME(header) { return multipart }
        return section == .primary ? primary : nested
    }

    /// Which parameter's tables see a header.
    func parameter(of header: [UInt8], in section: MIMEParser.Section) -> String { kind(header, section).parameter }

    /// - Parameter body: a line or a piece of one; empty ones are not asked for.
    package func check(body line: [UInt8]) async throws(LookupError) -> CheckAction {
        line.isEmpty ? .dunno : try await ask(body, line, isHeader: false)
    }

    private func ask(_ kind: Kind, _ text: [UInt8], isHeader: Bool) async throws(LookupError) -> CheckAction {
        guard let value = try await kind.maps.find(octets: text) else { return .dunno }
        do throws(CheckAction.Problem) {
            return try CheckAction.parse(value, map: kind.parameter, isHeader: isHeader)
        } catch {
            log.warning(error.text)
            return .dunno
        }
    }

    /// header_checks(5): the MIME headers of the message are mime_header_checks' too.
    private static func isAboutMIME(_ header: [UInt8]) -> Bool {
        guard let (length, _) = HeaderLine.colon(header) else { return false }
        switch ASCII.lowercased(String(decoding: header[..<length], as: UTF8.self)) {
        case "content-type", "content-transfer-encoding", "content-description", "content-disposition", "content-id",
            "mime-version":
            return true
        default: return false
        }
    }
}
