import MailSyntax

/// Lines of Dovecot's auth client protocol, version 1 (tab-separated, one command a line).
enum DovecotAuthLine: Equatable {
    case version(major: Int)
    case mechanism(SASLMechanism, isPrivate: Bool)
    case serverProcess
    case done
    /// `CONT`: the base64 text may be missing.
    case challenge(id: UInt32, String)
    case success(id: UInt32, username: String?)
    case failure(id: UInt32, reason: String?, username: String?)
    /// A command of a newer version: skipped.
    case other

    /// nil for a line that no server of this protocol sends.
    init?(_ line: String) {
        let fields = line.utf8.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        switch fields[0] {
        case "VERSION":
            guard fields.count >= 3, let major = Int(fields[1]) else { return nil }
            self = .version(major: major)
        case "MECH":
            guard fields.count >= 2, !fields[1].isEmpty else { return nil }
            var properties: SASLProperties = []
            for field in fields[2...] {
                if let property = Self.properties[field] { properties.formUnion(property) }
            }
            self = .mechanism(
                SASLMechanism(name: fields[1], properties: properties), isPrivate: fields.contains("private"))
        case "SPID": self = .serverProcess
        case "DONE": self = .done
        case "CONT":
            guard fields.count >= 2, let id = UInt32(fields[1]) else { return nil }
            self = .challenge(id: id, fields.count > 2 ? fields[2] : "")
        case "OK":
            guard fields.count >= 2, let id = UInt32(fields[1]) else { return nil }
            self = .success(id: id, username: Self.value(of: "user", in: fields))
        case "FAIL":
            guard fields.count >= 2, let id = UInt32(fields[1]) else { return nil }
            self = .failure(
                id: id, reason: Self.value(of: "reason", in: fields), username: Self.value(of: "user", in: fields))
        default: self = .other
        }
    }

    /// The request that starts an exchange. `resp=` has to come last.
    static func request(id: UInt32, mechanism: String, service: String, peer: SASLPeer, initialResponse: String?)
        -> String
    {
        var line = "AUTH\t\(id)\t\(mechanism)\tservice=\(service)\tnologin"
        if !peer.serverAddress.isEmpty { line += "\tlip=\(peer.serverAddress)" }
        if !peer.clientAddress.isEmpty { line += "\trip=\(peer.clientAddress)" }
        if peer.secured { line += "\tsecured" }
        if let initialResponse { line += "\tresp=\(initialResponse)" }
        return line + "\n"
    }

    static func response(id: UInt32, _ base64: String) -> String { "CONT\t\(id)\t\(base64)\n" }

    private static let properties: [String: SASLProperties] = [
        "plaintext": .plaintext, "active": .active, "dictionary": .dictionary, "anonymous": .anonymous,
        "forward-secrecy": .forwardSecrecy, "mutual-auth": .mutualAuthentication,
    ]

    private static func value(of name: String, in fields: [String]) -> String? {
        let prefix = name + "="
        return fields.dropFirst(2).first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
