import COpenSSL
import MailSyntax
import MailSystem
import NIOConcurrencyHelpers

/// Contexts for the names that clients ask for (tls_server_sni_maps).
public final class ServerNames: Sendable {
    /// The base64-decoded value for a key, nil when there is none. - Throws: when the table cannot answer.
    public typealias Chains = @Sendable (_ key: String) async throws -> [UInt8]?

    private let settings: TLSSettings
    private let chains: Chains
    private let log: MailLog
    /// By the chain's text: many names may share one. Bounded: past the limit all go.
    private let contexts = NIOLockedValueBox<[[UInt8]: TLSContext]>([:])
    private static let limit = 1000

    /// - Parameter settings: of the server; its own keys are left out.
    public init(_ settings: TLSSettings, chains: @escaping Chains, log: MailLog) {
        var settings = settings
        settings.chainFiles = []
        settings.keyPairs = []
        self.settings = settings
        self.chains = chains
        self.log = log
    }

    /// The context for a name as the client sent it; nil for the server's own.
    /// - Parameter peer: for log lines.
    func context(for name: String, peer: String) async -> TLSContext? {
        guard HostName.isValid(name) else {
            log.warning("TLS SNI from \(peer) is invalid: \(Self.printable(name))")
            return nil
        }
        let folded = ASCII.lowercased(name)
        do {
            for key in Self.keys(folded) {
                guard let chain = try await chains(key) else { continue }
                return try context(chain, key)
            }
        } catch let error as TLSConfigurationError {
            for warning in error.warnings { log.warning(warning) }
            return nil
        } catch {
            // Logged by the table. The server's own certificate is better than none.
            return nil
        }
        log.info("TLS SNI \(name) from \(peer) not matched, using default chain")
        return nil
    }

    /// The name itself, then its parents with a dot before them.
    static func keys(_ name: String) -> [String] {
        var keys = [name]
        var rest = name[...]
        while let dot = rest.dropFirst().firstIndex(of: ".") {
            rest = rest[dot...]
            keys.append(String(rest))
        }
        return keys
    }

    private func context(_ chain: [UInt8], _ key: String) throws -> TLSContext {
        if let known = contexts.withLockedValue({ $0[chain] }) { return known }
        let made = try TLSContext(settings, chain: ChainText(bytes: chain, source: "SNI data for \(key)"))
        contexts.withLockedValue { contexts in
            if contexts.count >= Self.limit { contexts = [:] }
            contexts[chain] = made
        }
        return made
    }

    private static func printable(_ name: String) -> String {
        String(decoding: name.utf8.prefix(100).map { (0x21..<0x7F).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }
}

/// The server name in a ClientHello (RFC 6066 §3).
enum ClientHelloName {
    /// Nil when the client sent none, or not as the RFC has it: OpenSSL refuses that itself.
    static func read(_ ssl: OpaquePointer) -> String? {
        var start: UnsafePointer<UInt8>?
        var count = 0
        guard SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &start, &count) == 1, let start else {
            return nil
        }
        return parse(Array(UnsafeBufferPointer(start: start, count: count)))
    }

    /// The extension's data: a list's length, then one entry: type 0, length, name.
    static func parse(_ bytes: [UInt8]) -> String? {
        guard bytes.count > 5, bytes[2] == 0 else { return nil }
        let list = Int(bytes[0]) << 8 | Int(bytes[1])
        let length = Int(bytes[3]) << 8 | Int(bytes[4])
        guard list == bytes.count - 2, length == list - 3, length > 0, !bytes[5...].contains(0) else { return nil }
        return String(decoding: bytes[5...], as: UTF8.self)
    }
}
