import COpenSSL

/// OpenSSL's error queue of this thread as texts.
enum LibraryErrors {
    /// Takes all queued errors, oldest first, in the form that Postfix logs after `TLS library problem: `.
    static func take() -> [String] {
        var texts: [String] = []
        while texts.count < 16 {
            var file: UnsafePointer<CChar>?
            var function: UnsafePointer<CChar>?
            var data: UnsafePointer<CChar>?
            var line: CInt = 0
            var flags: CInt = 0
            let code = ERR_get_error_all(&file, &line, &function, &data, &flags)
            if code == 0 { break }
            var text = [CChar](repeating: 0, count: 256)
            ERR_error_string_n(code, &text, text.count)
            let end = text.firstIndex(of: 0) ?? text.count
            var entry = String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            entry += ":\(file.map { String(cString: $0) } ?? ""):\(line):"
            if flags & ERR_TXT_STRING != 0, let data { entry += "\(String(cString: data)):" }
            texts.append(entry)
        }
        ERR_clear_error()
        return texts
    }

    static func discard() { ERR_clear_error() }
}

/// A TLS configuration that can't be used: an unreadable key, a rejected cipher list.
public struct TLSConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What Postfix logs as warnings, one line each.
    public let warnings: [String]

    public init(_ text: String, libraryErrors: [String] = []) {
        warnings = [text] + libraryErrors.map { "TLS library problem: \($0)" }
    }

    public var description: String { warnings.joined(separator: "; ") }
}

/// A handshake or session that ended badly.
public struct TLSFailure: Error, Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case timedOut
        case lostConnection
        /// Alerts, bad records, no shared cipher …; the number is SSL_accept's or SSL_connect's result.
        case protocolError(Int)
    }

    public var kind: Kind
    /// False when the session had been established before.
    public var duringHandshake: Bool
    /// Texts of OpenSSL's error queue.
    public var libraryErrors: [String]

    public init(kind: Kind, duringHandshake: Bool, libraryErrors: [String] = []) {
        self.kind = kind
        self.duringHandshake = duringHandshake
        self.libraryErrors = libraryErrors
    }

    /// The info line of a failed handshake: `SSL_accept error from unknown[192.0.2.1]: -1`.
    /// - Parameter peer: `name[address]` for a server, `name[address]:port` for a client.
    public func logSummary(role: TLSSettings.Role, peer: String) -> String {
        let reason =
            switch kind {
            case .timedOut: "Connection timed out"
            case .lostConnection: "lost connection"
            case .protocolError(let result): "\(result)"
            }
        return role == .server ? "SSL_accept error from \(peer): \(reason)" : "SSL_connect error to \(peer): \(reason)"
    }

    /// The warnings that follow it.
    public var warnings: [String] { libraryErrors.map { "TLS library problem: \($0)" } }
}
