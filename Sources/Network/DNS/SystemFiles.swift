import Glibc
import MailSyntax

/// Reads the small system files of name resolution.
enum SystemFile {
    /// The lines of a file without comments, split into words; empty when it can't be read. At most 1 MiB is read.
    static func words(of path: String) -> [[Substring]] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < 1 << 20 {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            line.prefix { $0 != "#" && $0 != ";" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }
        }
    }
}

/// resolv.conf, as far as it matters here.
enum ResolverConfiguration {
    static func nameServers(of path: String) -> [String] {
        SystemFile.words(of: path).compactMap { words in
            guard words.count > 1, words[0] == "nameserver" else { return nil }
            return String(words[1])
        }
    }

    /// Seconds that the C library takes to give a question up: each attempt asks each server, and servers share the
    /// time of the later ones (resolver(5): options timeout and attempts, at most 30 and 5).
    static func patience(of path: String) -> Int {
        var (timeout, attempts) = (5, 2)
        for words in SystemFile.words(of: path) where words.first == "options" {
            for option in words.dropFirst() {
                let parts = option.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, let value = Int(parts[1]), value > 0 else { continue }
                if parts[0] == "timeout" { timeout = min(value, 30) }
                if parts[0] == "attempts" { attempts = min(value, 5) }
            }
        }
        let servers = min(max(nameServers(of: path).count, 1), 3)
        let round = (0..<servers).reduce(0) { sum, server in
            sum + (server == 0 ? timeout : max(1, (timeout << server) / servers))
        }
        return round * attempts
    }

    /// The search list: domains to try for a host name without a dot.
    static func searchList(of path: String) -> [String] {
        var list: [String] = []
        for words in SystemFile.words(of: path) where words.count > 1 {
            if words[0] == "search" || words[0] == "domain" { list = words.dropFirst().map(String.init) }
        }
        return list
    }
}

/// The hosts file, read once: process start is before chroot, the file is not visible later.
public struct HostsFile: Sendable {
    private var addresses: [String: [IPAddress]] = [:]
    private var names: [IPAddress: String] = [:]
    /// Domains of resolv.conf's search list, for names without a dot.
    public private(set) var searchList: [String] = []

    /// No names.
    public static let empty = HostsFile()

    private init() {}

    /// The machine's.
    public static func ofSystem() -> HostsFile { HostsFile(path: "/etc/hosts") }

    public init(path: String, resolverConfiguration: String = "/etc/resolv.conf") {
        for words in SystemFile.words(of: path) where words.count > 1 {
            guard let address = IPAddress(String(words[0])) else { continue }
            add(address, names: words.dropFirst().map(String.init))
        }
        searchList = ResolverConfiguration.searchList(of: resolverConfiguration)
    }

    public mutating func add(_ address: IPAddress, names: [String]) {
        guard let first = names.first else { return }
        if self.names[address] == nil { self.names[address] = first }
        for name in names {
            let key = name.lowercased()
            if addresses[key]?.contains(address) != true { addresses[key, default: []].append(address) }
        }
    }

    public func addresses(of name: String) -> [IPAddress] { addresses[name.lowercased()] ?? [] }
    /// The canonical name of an address.
    public func name(of address: IPAddress) -> String? { names[address] }
}
