import CommandReference
import MailSyntax
import MailSystem

/// The command line of posttls-finger(1).
struct FingerOptions: Sendable {
    enum Level: String, Sendable {
        case none, may, encrypt, fingerprint, dane, daneOnly = "dane-only", halfDane = "half-dane", verify, secure

        var usesDANE: Bool { self == .dane || self == .daneOnly || self == .halfDane }
        /// Something must be proved.
        var proves: Bool { ![.none, .may, .encrypt].contains(self) }
    }

    /// What is told of TLS: `-L`.
    struct LogOptions: OptionSet, Sendable {
        let rawValue: Int
        static let summary = LogOptions(rawValue: 1)
        static let certificateMatch = LogOptions(rawValue: 2)
        static let peerCertificate = LogOptions(rawValue: 4)
        static let cache = LogOptions(rawValue: 8)
        static let verbose = LogOptions(rawValue: 16)
        static let untrusted = LogOptions(rawValue: 32)
        static let debug: LogOptions = [.summary, .cache, .verbose, .peerCertificate, .certificateMatch, .untrusted]
    }

    var family = "any"
    var trustAnchors: [String] = []
    var showsDialogue = true
    var printsChain = false
    var digest: String?
    var forcesInsecureTLSA = false
    var caFile = ""
    var caPath = ""
    var grade = "medium"
    var hostLookup = "dns"
    var chainFiles: [String] = []
    var certificateFile = ""
    var keyFile = ""
    var level = Level.dane
    var log: LogOptions = [.summary, .certificateMatch]
    var reconnects = 5
    var insecureMXPolicy = Level.dane
    var overrides: [(String, String)] = []
    var protocols = ">=TLSv1"
    var reconnectDelay = 0
    var looksUpServices = false
    var serverName = ""
    var mode = ClientMode.smtp
    var connectTimeout = 30
    var commandTimeout = 30
    var verbosity = 0
    var wraps = false
    /// `-x`
    var wantsRawKeys = false
    /// `-X`
    var wantsProxy = false
    var destination = ""
    var matches: [String] = []

    /// Ends the command: with the usage text, or as a fatal error.
    enum Failure: Error { case usage(String?), fatal(String) }

    static let usage = """
        usage: posttls-finger [-acCfRSvw] [-t conn_tmout] [-T cmd_tmout] [-L logopts] \\
        \t[-h host_lookup] [-l level] [-d mdalg] [-g grade] [-p protocols] \\
        \t[-A tafile] [-F CAfile.pem] [-P CApath/] [-s servername] \\
        \t[ [-H chainfiles] | [-k certfile [-K keyfile]] ] \\
        \t[-m count] [-r delay] [-o name=value] destination [match ...]

        """

    /// - Parameter warn: gets what is odd but no reason to stop.
    init(_ arguments: [String], warn: (String) -> Void = { _ in }) throws(Failure) {
        var scanner = OptionScanner(arguments, options: CommandSynopsis.posttlsFinger.letters)
        while let item = scanner.next() {
            switch item {
            case .flag(let letter): try apply(letter)
            case .value(let letter, let value): try apply(letter, value, warn)
            case .error(let text): throw .usage(text)
            }
        }
        guard let destination = scanner.operands.first else { throw .usage(nil) }
        self.destination = destination
        matches = Array(scanner.operands.dropFirst())
        // A probe that looked at something else than was asked for would mislead.
        if wantsRawKeys {
            throw .fatal(
                "-x: raw public keys (RFC 7250) need OpenSSL 3.2 or later, which this program is not built with; without -x the certificate is looked at"
            )
        }
        if wantsProxy {
            throw .fatal(
                "-X: there is no tlsproxy service to ask; without -X the probe makes TLS by itself, with the code that deliveries use"
            )
        }
        if !chainFiles.isEmpty, !certificateFile.isEmpty || !keyFile.isEmpty {
            throw .fatal("the '-H' option may not be used with '-k' or '-K'")
        }
    }

    private mutating func apply(_ letter: Character) throws(Failure) {
        switch letter {
        case "c": showsDialogue = false
        case "C": printsChain = true
        case "f": forcesInsecureTLSA = true
        case "R": looksUpServices = true
        case "S": mode = .lmtp
        case "v": verbosity += 1
        case "w": wraps = true
        case "x": wantsRawKeys = true
        case "X": wantsProxy = true
        default: break
        }
    }

    private mutating func apply(_ letter: Character, _ value: String, _ warn: (String) -> Void) throws(Failure) {
        switch letter {
        case "a":
            guard ["any", "ipv4", "ipv6"].contains(value) else { throw .fatal("bad '-a' option value: \(value)") }
            family = value
        case "A": trustAnchors.append(value)
        case "d": digest = value
        case "F": caFile = value
        case "g": grade = value
        case "h":
            let words = value.split { $0 == "," || $0 == " " }.map { $0.lowercased() }
            if let unknown = words.first(where: { !["dns", "native"].contains($0) }) {
                throw .fatal("unknown -h option value \"\(unknown)\" in \"\(value)\"")
            }
            hostLookup = value
        case "H": chainFiles += value.split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init)
        case "k": certificateFile = value
        case "K": keyFile = value
        case "l":
            guard let level = Level(rawValue: value) else { throw .fatal("Invalid TLS level \"\(value)\"") }
            self.level = level
        case "L": log = Self.logOptions(value, warn)
        case "m": reconnects = Int(value) ?? 0
        case "M":
            guard let level = Level(rawValue: value), [.may, .encrypt, .dane].contains(level) else {
                throw .fatal("bad '-M' option value: \(value)")
            }
            insecureMXPolicy = level
        case "o":
            guard let equals = value.firstIndex(of: "="), equals != value.startIndex else {
                throw .usage(nil)
            }
            func trimmed(_ text: Substring) -> String {
                String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            overrides.append((trimmed(value[..<equals]), trimmed(value[value.index(after: equals)...])))
        case "p": protocols = value
        case "P": caPath = value
        case "r": reconnectDelay = Int(value) ?? 0
        case "s": serverName = value
        case "t": connectTimeout = max(1, Int(value) ?? 30)
        case "T": commandTimeout = max(1, Int(value) ?? 30)
        default: break
        }
    }

    static func logOptions(_ text: String, _ warn: (String) -> Void) -> LogOptions {
        var result: LogOptions = []
        for word in text.split(whereSeparator: { $0 == "," || $0 == " " }).map({ $0.lowercased() }) {
            switch word {
            case "0", "none": break
            case "1", "routine", "summary": result.insert(.summary)
            case "2", "debug", "3", "ssl-expert", "4", "ssl-developer": result.formUnion(.debug)
            case "ssl-debug", "ssl-handshake-packet-dump", "ssl-session-packet-dump": break
            case "untrusted": result.insert(.untrusted)
            case "peercert": result.insert(.peerCertificate)
            case "certmatch": result.insert(.certificateMatch)
            case "cache": result.insert(.cache)
            case "verbose": result.formUnion([.verbose, .peerCertificate, .certificateMatch, .cache, .untrusted])
            default: warn("unknown -L option value \"\(word)\" in \"\(text)\"")
            }
        }
        return result
    }
}
