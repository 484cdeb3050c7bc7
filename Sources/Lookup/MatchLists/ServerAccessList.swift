import MailSystem

/// A server's access list for client addresses (postscreen_access_list): `permit_mynetworks`, `type:table` with values
/// `permit`, `reject` or `dunno`, and `permit`, `reject`, `dunno` themselves; the first that decides wins.
public struct ServerAccessList: Sendable {
    public enum Verdict: String, Sendable {
        case permit, reject, dunno
        /// A table could not answer, or the list is wrong: the rest is not looked at.
        case error
    }

    private enum Item: Sendable {
        case networks
        case table(name: String, Maps)
        case verdict(Verdict)
        case unknown(String)
    }

    private let name: String
    private let items: [Item]
    private let networks: NetworkList
    private let log: MailLog

    /// - Parameters:
    ///   - value: elements between commas and white space.
    ///   - name: the parameter, for log lines.
    ///   - networks: mynetworks.
    public init(_ value: String, name: String, networks: NetworkList, opener: TableOpener) {
        self.name = name
        self.networks = networks
        log = opener.log
        items = ListSyntax.split(value).map { word in
            if word.utf8.contains(UInt8(ascii: ":")) {
                return .table(name: word, Maps(tables: [opener.open(word)], log: opener.log))
            }
            let folded = CaseFolding.fold(word)
            if folded == "permit_mynetworks" { return .networks }
            return Self.verdict(folded).map { .verdict($0) } ?? .unknown(word)
        }
    }

    private static func verdict(_ word: String) -> Verdict? {
        switch word {
        case "permit": .permit
        case "reject": .reject
        case "dunno": .dunno
        default: nil
        }
    }

    /// - Parameter address: the client's, as text without brackets.
    public func evaluate(_ address: String) async -> Verdict {
        for item in items {
            switch item {
            case .networks:
                do {
                    if try await networks.matches(address: address) { return .permit }
                } catch {
                    return trouble("permit_mynetworks: mynetworks lookup error")
                }
            case .table(let table, let maps):
                let value: String?
                do {
                    value = try await maps.tables.first?.find(address)
                } catch {
                    return trouble("\(table): table lookup error")
                }
                guard let value else { continue }
                guard let verdict = Self.verdict(CaseFolding.fold(value)) else {
                    return trouble("\(table): unknown command: \(value)")
                }
                if verdict != .dunno { return verdict }
            case .verdict(let verdict): return verdict
            case .unknown(let word): return trouble("unknown command: \(word)")
            }
        }
        return .dunno
    }

    private func trouble(_ what: String) -> Verdict {
        log.warning("\(name): \(what) -- ignoring the remainder of this access list")
        return .error
    }
}
