import Synchronization

/// The servers of an SQL table: those that failed are left alone for a while; the others are tried in random order,
/// sockets first (mysql_table(5), `hosts`).
final class HostList: Sendable {
    struct Host: Sendable {
        /// As `hosts` has it, for messages.
        let name: String
        let isLocal: Bool
        let host: String
        let port: String?
    }

    let hosts: [Host]
    private let retrySeconds: Int
    /// When each may be tried again, milliseconds of the monotonic clock.
    private let downUntil: Mutex<[Int]>

    /// - Parameters:
    ///   - value: of `hosts`.
    ///   - retrySeconds: how long a host that failed is left alone.
    init(_ value: String, retrySeconds: Int) {
        let hosts = ListSyntax.split(value).map(Self.host)
        self.hosts = hosts
        self.retrySeconds = retrySeconds
        downUntil = Mutex(Array(repeating: 0, count: hosts.count))
    }

    private static func host(_ name: String) -> Host {
        let bytes = Array(name.utf8)
        if bytes.starts(with: "unix:".utf8) {
            return Host(name: name, isLocal: true, host: bytes.dropFirst(5).text, port: nil)
        }
        if bytes.first == UInt8(ascii: "/") { return Host(name: name, isLocal: true, host: name, port: nil) }
        let address = bytes.starts(with: "inet:".utf8) ? bytes.dropFirst(5) : bytes[...]
        if address.first == UInt8(ascii: "["), let end = address.firstIndex(of: UInt8(ascii: "]")) {
            let port = address[(end + 1)...].dropFirst()
            let host = address[(address.startIndex + 1)..<end].text
            return Host(name: name, isLocal: false, host: host, port: port.isEmpty ? nil : port.text)
        }
        guard let colon = address.firstIndex(of: UInt8(ascii: ":")), !address[..<colon].contains(UInt8(ascii: "/")),
            !address[(colon + 1)...].starts(with: "//".utf8)
        else { return Host(name: name, isLocal: false, host: address.text, port: nil) }
        return Host(
            name: name, isLocal: false, host: address[..<colon].text, port: address[(colon + 1)...].text)
    }

    /// The next host to try, nil when all have been or are left alone.
    func next(excluding tried: Set<Int>) -> Int? {
        let now = ClientSocket.now()
        let usable = downUntil.withLock { down in
            hosts.indices.filter { down[$0] <= now && !tried.contains($0) }
        }
        return usable.filter { hosts[$0].isLocal }.randomElement() ?? usable.randomElement()
    }

    func markDown(_ index: Int) {
        downUntil.withLock { $0[index] = ClientSocket.deadline(retrySeconds) }
    }
}

/// An SQL server's answer to one query.
struct SQLRows: Sendable {
    /// The columns of each row that have a value, one after the other.
    var values: [[UInt8]] = []
    private var size = 0

    /// No table of mail routes has results of more than this, octets.
    private static let sizeLimit = 16 << 20

    /// False when the result is out of all bounds.
    mutating func append(_ value: [UInt8]) -> Bool {
        size += value.count + 16
        guard size <= Self.sizeLimit else { return false }
        values.append(value)
        return true
    }
}

/// Why there is no answer.
enum SQLFailure: Error {
    /// The host is left alone for a while.
    case host(String)
    /// The connection, which had been idle, is of no use: another one may be.
    case staleConnection(String)
    /// The query, which no host would answer.
    case query(String)
}
