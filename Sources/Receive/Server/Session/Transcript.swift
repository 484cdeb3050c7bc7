import MailSyntax

/// What goes wrong in a session, in the classes of postconf(5) notify_classes.
struct TroubleClasses: OptionSet, Sendable {
    let rawValue: Int
    static let bounce = TroubleClasses(rawValue: 1)
    static let data = TroubleClasses(rawValue: 2)
    static let policy = TroubleClasses(rawValue: 4)
    static let `protocol` = TroubleClasses(rawValue: 8)
    static let resource = TroubleClasses(rawValue: 16)
    static let software = TroubleClasses(rawValue: 32)

    init(rawValue: Int) { self.rawValue = rawValue }

    /// Those of a parameter's words; others concern other programs.
    init(_ words: [String]) {
        self = []
        for word in words {
            switch ASCII.lowercased(word) {
            case "bounce": insert(.bounce)
            case "data": insert(.data)
            case "policy": insert(.policy)
            case "protocol": insert(.protocol)
            case "resource": insert(.resource)
            case "software": insert(.software)
            default: break
            }
        }
    }

    /// What a reply to a client tells.
    init(of reply: ServerReply) {
        guard reply.isRejection else {
            self = []
            return
        }
        let subject = reply.status?.split(separator: ".").dropFirst().joined(separator: ".") ?? ""
        switch (reply.code, subject) {
        case (451, "3.5"): self = reply == RestrictionReplies.configuration ? .software : .data
        case (451, "3.0") where reply == Replies.queueWriteError: self = .resource
        case (452, "3.1"): self = .resource
        case (451, "3.0"): self = .data
        case (552, "3.4"), (554, "4.0"): self = .bounce
        case (_, "1.1"),
            (_, "1.0") where reply.text.contains(": User unknown"):
            self = .bounce
        case (535, _), (454, "7.0"), (421, _): self = []
        case (500...504, _), (530, _), (538, _), (551, "7.1"), (555, _), (554, "5.1"), (554, "5.0"), (521, "5.4"):
            self = .protocol
        default: self = .policy
        }
    }
}

/// The dialogue since the last message, for a notice to the postmaster. Bounded: what is too much is left out. Most
/// sessions end without a notice, so the text is made only when it is wanted.
struct Transcript: Sendable {
    private static let limit = 32 << 10
    private static let lineLimit = 1000

    private enum Entry: Sendable {
        case received([UInt8])
        case sent(ServerReply)
    }

    private var entries: [Entry] = []
    /// Octets that the entries hold, of which the text has no fewer.
    private var size = 0

    mutating func received(_ line: ArraySlice<UInt8>) {
        add(.received(Array(line.prefix(Self.lineLimit))), line.count)
    }

    mutating func sent(_ reply: ServerReply) { add(.sent(reply), reply.lines.reduce(0) { $0 &+ $1.utf8.count }) }

    mutating func clear() {
        entries.removeAll(keepingCapacity: true)
        size = 0
    }

    private mutating func add(_ entry: Entry, _ octets: Int) {
        guard size <= Self.limit else { return }
        entries.append(entry)
        size &+= min(octets, Self.lineLimit) &+ 1
    }

    var text: String {
        var text = ""
        for entry in entries {
            for line in Self.lines(entry) {
                if text.utf8.count &+ line.utf8.count > Self.limit { return text + " ...\n" }
                for part in Self.wrapped(line) { text += " \(part)\n" }
            }
        }
        return text
    }

    private static func lines(_ entry: Entry) -> [String] {
        switch entry {
        case .received(let octets):
            var line = octets[...]
            // AUTH PLAIN and a password.
            if line.count > 5, ASCII.equalIgnoringCase(String(decoding: line.prefix(5), as: UTF8.self), "AUTH ") {
                line = line.prefix(5) + line.dropFirst(5).prefix { $0 != 0x20 }
            }
            return ["In:  " + String(decoding: line.map(printable), as: UTF8.self)]
        case .sent(let reply):
            // Swift takes CR LF for one character.
            return reply.wire.split(separator: "\r\n").map { "Out: \($0)" }
        }
    }

    /// At blanks into lines of 78 octets; the second and later ones are indented by four.
    private static func wrapped(_ line: String) -> [String] {
        var parts: [String] = []
        var rest = line.utf8[...]
        var width = 78
        while rest.count > width {
            let end = rest.index(rest.startIndex, offsetBy: width)
            let blank =
                rest[...end].lastIndex(of: 0x20).flatMap { $0 > rest.startIndex ? $0 : nil }
                ?? rest[end...].firstIndex(of: 0x20)
            guard let blank else { break }
            parts.append((parts.isEmpty ? "" : "    ") + (String(rest[..<blank]) ?? ""))
            rest = rest[rest.index(after: blank)...]
            width = 74
        }
        return parts + [(parts.isEmpty ? "" : "    ") + (String(rest) ?? "")]
    }

    private static func printable(_ byte: UInt8) -> UInt8 { byte < 0x20 || byte == 0x7F ? 0x3F : byte }

    /// The body of the notice.
    /// - Parameter reason: why the session ended; nil after QUIT.
    func notice(reason: String?) -> String {
        let end = reason.map { "Session aborted, reason: \($0)\n" } ?? ""
        return "Transcript of session follows.\n\n\(text)\n\(end)\nFor other details, see the local mail logfile\n"
    }
}
