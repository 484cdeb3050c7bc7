/// The commands that the end of a session is summed up by, in the order of the log line.
public enum CommandName: Int, Sendable, CaseIterable {
    case helo, ehlo, xclient, xforward, starttls, auth, mail, rcpt, data, bdat, rset, noop, vrfy, etrn, quit, help
    case unknown

    init(verb: String) { self = Self.byVerb[verb] ?? .unknown }

    /// `RCPT`: the stage that log lines name.
    var stage: String { Self.stages[rawValue] }

    /// `rcpt`: the name in the log.
    var label: String { Self.labels[rawValue] }

    private static let labels = allCases.map { "\($0)" }
    private static let stages = labels.map { $0.uppercased() }
    // HELP is no command for Debian's Postfix.
    private static let byVerb = Dictionary(
        uniqueKeysWithValues: allCases.filter { $0 != .unknown && $0 != .help }.map { ("\($0)".uppercased(), $0) })

    /// Counted by smtpd_junk_command_limit.
    var isJunk: Bool {
        switch self {
        case .helo, .ehlo, .rset, .noop, .vrfy, .etrn: true
        default: false
        }
    }

    /// RFC 2920 §3.1: the client must wait for the reply before it sends more.
    var mustBeLast: Bool {
        switch self {
        case .helo, .ehlo, .noop, .vrfy, .data, .starttls: true
        default: false
        }
    }

    /// May be used before STARTTLS where encryption is mandatory.
    var isAllowedBeforeTLS: Bool {
        switch self {
        case .helo, .ehlo, .starttls, .noop, .quit, .help, .xclient, .xforward, .unknown: true
        default: false
        }
    }
}

/// Counts of one session.
struct CommandStatistics {
    private var accepted = [UInt32](repeating: 0, count: CommandName.allCases.count)
    private var total = [UInt32](repeating: 0, count: CommandName.allCases.count)

    mutating func count(_ name: CommandName, accepted ok: Bool) {
        total[name.rawValue] &+= 1
        if ok { accepted[name.rawValue] &+= 1 }
    }

    /// ` ehlo=1 rcpt=0/1 commands=1/2`
    var text: String {
        var text = ""
        for name in CommandName.allCases where total[name.rawValue] > 0 {
            text += item(name.label, accepted[name.rawValue], total[name.rawValue])
        }
        let all = total.reduce(0, &+)
        return text + (all == 0 ? " commands=0/0" : item("commands", accepted.reduce(0, &+), all))
    }

    private func item(_ name: String, _ accepted: UInt32, _ total: UInt32) -> String {
        accepted == total ? " \(name)=\(total)" : " \(name)=\(accepted)/\(total)"
    }
}
