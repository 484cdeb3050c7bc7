import Configuration
import Lookup
import MailSyntax
import MailSystem

/// What a service checks of the content of its messages: header_checks and its relatives, and strict_mime_… parameters.
struct ContentChecks: Sendable {
    let tables: CheckTables
    /// What makes a message unacceptable.
    let refused: Set<MIMEProblem>
    let limits: MIMEParser.Limits
    /// The parts of a message are told apart.
    let followsMIME: Bool
    /// body_checks_size_limit: bytes of each part that are checked.
    let bodyLimit: Int

    /// Nil when there is nothing to check.
    init?(_ parameters: Parameters, opener: TableOpener, log: MailLog) {
        tables = CheckTables(parameters, opener: opener, log: log)
        let strict = parameters.bool("strict_8bitmime")
        var refused: Set<MIMEProblem> = []
        if strict || parameters.bool("strict_7bit_headers") { refused.insert(.eightBitHeader) }
        if strict || parameters.bool("strict_8bitmime_body") { refused.insert(.eightBitBody) }
        if parameters.bool("strict_mime_encoding_domain") { refused.insert(.encodingDomain) }
        guard !refused.isEmpty || !tables.isEmpty else { return nil }
        refused.insert(.nesting)
        self.refused = refused
        limits = MIMEParser.Limits(
            header: max(1, parameters.int("header_size_limit")), nesting: parameters.int("mime_nesting_limit"),
            boundary: parameters.int("mime_boundary_length_limit"))
        followsMIME = !parameters.bool("disable_mime_input_processing")
        bodyLimit = parameters.int("body_checks_size_limit")
    }

    /// The body must be looked at, too.
    var readsBody: Bool {
        !tables.body.isEmpty || (followsMIME && (!tables.coversPrimaryOnly || refused != [.nesting]))
    }
}
