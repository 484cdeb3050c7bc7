import InternalProtocol
import MailSyntax

/// The client that a message came from, as XFORWARD tells it to a content filter (XFORWARD_README).
struct OriginalClient: Sendable, Equatable {
    struct Command: Sendable, Equatable {
        /// With its line end.
        var line: String
        /// For log lines.
        var content: String
    }

    private let origin: MessageOrigin

    init(_ origin: MessageOrigin) { self.origin = origin }

    /// Up to two commands; only what the server asks for and what is known.
    func commands(_ offered: Set<String>) -> [Command] {
        guard !offered.isEmpty else { return [] }
        let isLocal = origin.rewriteContext != "remote"
        return [
            command(
                "name/address", offered,
                [("NAME", origin.clientName), ("ADDR", address), ("PORT", origin.clientPort)]),
            command(
                "helo/protocol", offered,
                [
                    ("PROTO", origin.protocolName), ("HELO", origin.heloName),
                    ("IDENT", origin.clientAddress.isEmpty ? "" : origin.logIdent),
                    ("SOURCE", isLocal ? "LOCAL" : "REMOTE"),
                ]),
        ].compactMap { $0 }
    }

    private var address: String {
        guard let address = IPAddress(origin.clientAddress), !address.isIPv4 else { return origin.clientAddress }
        return "IPV6:\(origin.clientAddress)"
    }

    private func command(_ content: String, _ offered: Set<String>, _ values: [(name: String, value: String)])
        -> Command?
    {
        let known = values.filter { offered.contains($0.name) && !$0.value.isEmpty && $0.value != "unknown" }
        if known.isEmpty { return nil }
        let words = known.map { " \($0.name)=\(Self.encoded($0.value))" }
        return Command(line: "XFORWARD\(words.joined())\r\n", content: content)
    }

    /// xtext, but for the `=` that Postfix leaves.
    private static func encoded(_ value: String) -> String {
        value.utf8.map { byte in
            ASCII.isPrintable(byte) && byte != 0x20 && byte != 0x2B
                ? String(UnicodeScalar(byte))
                : "+" + String(decoding: [Hex.digit(byte >> 4), Hex.digit(byte)], as: UTF8.self)
        }.joined()
    }
}
