import Configuration
import MailSyntax
import MailSystem

/// How incomplete addresses are completed (trivial-rewrite(8)).
public enum RewriteContext: String, Sendable, Equatable {
    /// With $myorigin and $mydomain.
    case local
    /// With $remote_header_rewrite_domain.
    case remote
}

/// Brings addresses into the form `user@fully.qualified.domain`. Pure but for a line in the log: no tables, no DNS.
public struct AddressRewriter: Sendable {
    private let origin: String
    private let dotDomain: String
    private let remoteDomain: String
    private let appendsOrigin: Bool
    private let appendsDomain: Bool
    let operators: RoutingOperators
    /// Tells of domains that only an old default completes; nil when none does.
    private let noteCompletion: (@Sendable (_ domain: String) -> Void)?

    /// - Parameter log: under the tag of trivial-rewrite; nil where another one has the say.
    public init(_ parameters: Parameters, log: MailLog? = nil) {
        origin = parameters["myorigin"]
        dotDomain = parameters["mydomain"]
        remoteDomain = parameters["remote_header_rewrite_domain"]
        appendsOrigin = parameters.bool("append_at_myorigin")
        appendsDomain = parameters.bool("append_dot_mydomain")
        operators = RoutingOperators(parameters)
        let defaults = CompatibilityDefaults(parameters)
        let domain = dotDomain
        noteCompletion = log.flatMap { log in
            guard defaults.completesDomains else { return nil }
            return { name in
                if let text = defaults.completion(of: name, with: domain) { log.info(text) }
            }
        }
    }

    /// False when headers of remote clients are left alone.
    public var rewritesRemoteHeaders: Bool { !remoteDomain.isEmpty }

    /// - Parameter address: internal form; the result too. The empty address stays empty.
    public func rewrite(_ address: String, context: RewriteContext = .local) -> String {
        if address.isEmpty || isComplete(address, context) { return address }
        let external = rewriteExternal(AddressScanner.tokens(EmailAddress.quoted(address).utf8), context: context)
        return EmailAddress.unquote(external)
    }

    /// - Parameter tokens: of an address in external form.
    /// - Returns: external form, quoted where it must be.
    public func rewriteExternal(_ tokens: [AddressToken], context: RewriteContext) -> String {
        var tokens = tokens
        // `@` alone is the empty address.
        if tokens == [.op(0x40)] { return "\"\"" }
        stripSourceRoute(&tokens)
        if !tokens.contains(.op(0x40)) { operators.replaceFirst(in: &tokens) }
        let at = tokens.lastIndex(of: .op(0x40))
        if let at {
            completeDomain(&tokens, at: at, context)
        } else if tokens.isEmpty || tokens == [.quoted([])] {
            return "\"\""
        } else {
            let domain = context == .local ? (appendsOrigin ? origin : "") : remoteDomain
            if !domain.isEmpty { append("@" + domain, to: &tokens) } else if tokens.count > 1 { stripDot(&tokens) }
        }
        return EmailAddress.quoted(AddressText.internalForm([.address(tokens)]))
    }

    /// The common case, without tokens: one `@`, plain characters, a domain with a dot inside.
    private func isComplete(_ address: String, _ context: RewriteContext) -> Bool {
        let (local, domain) = EmailAddress.split(address)
        guard let domain, !domain.isEmpty, !local.isEmpty, domain.utf8.last != 0x2E else { return false }
        let wantsDot = context == .local ? appendsDomain : !remoteDomain.isEmpty
        return (!wantsDot || domain.utf8.contains(0x2E) || domain.utf8.last == 0x5D)
    }

    /// `@a,@b:user@c` is `user@c` (RFC 5321 appendix C).
    private func stripSourceRoute(_ tokens: inout [AddressToken]) {
        guard tokens.first == .op(0x40), let colon = tokens.firstIndex(of: .op(0x3A)), colon + 1 < tokens.count else {
            return
        }
        tokens.removeSubrange(...colon)
    }

    private func completeDomain(_ tokens: inout [AddressToken], at: Int, _ context: RewriteContext) {
        let domain = tokens[(at + 1)...]
        guard let last = domain.last else { return }
        if last == .op(0x2E) {
            // A dot at the end says that the domain is complete.
            if domain.count > 1, domain.dropLast().last != .op(0x2E) { tokens.removeLast() }
            return
        }
        if case .literal = last { return }
        guard !domain.contains(.op(0x2E)) else { return }
        let parent = context == .local ? (appendsDomain ? dotDomain : "") : remoteDomain
        if parent.isEmpty { return }
        if context == .local, let noteCompletion { noteCompletion(AddressText.internalForm([.address(Array(domain))])) }
        append("." + parent, to: &tokens)
    }

    private func stripDot(_ tokens: inout [AddressToken]) {
        if tokens.last == .op(0x2E) { tokens.removeLast() }
    }

    private func append(_ text: String, to tokens: inout [AddressToken]) {
        tokens += AddressScanner.tokens(text.utf8)
    }
}

/// `site!user` and `user%site` in place of `user@site`.
struct RoutingOperators: Sendable {
    let swapsBang: Bool
    let allowsPercent: Bool

    init(_ parameters: Parameters) {
        swapsBang = parameters.bool("swap_bangpath")
        allowsPercent = parameters.bool("allow_percent_hack")
    }

    /// Turns the leftmost `!`, else the rightmost `%`, into `@`.
    func replaceFirst(in tokens: inout [AddressToken]) {
        if swapsBang, let bang = tokens.firstIndex(of: .op(0x21)) {
            tokens = Array(tokens[(bang + 1)...]) + [.op(0x40)] + tokens[..<bang]
        } else if allowsPercent, let percent = tokens.lastIndex(of: .op(0x25)) {
            tokens[percent] = .op(0x40)
        }
    }

    /// The same on text, looking inside quotes. Nil when there is nothing to replace.
    func replaceFirst(in text: String) -> String? {
        let bytes = text.utf8
        if swapsBang, let bang = bytes.firstIndex(of: 0x21) {
            // As tokens: Postfix writes words beside each other, such as a literal in a local part, with a blank between.
            let user = AddressText.internalForm(AddressScanner.tokens(text[bytes.index(after: bang)...].utf8))
            return user + "@" + String(text[..<bang])
        }
        if allowsPercent, let percent = bytes.lastIndex(of: 0x25) {
            return String(text[..<percent]) + "@" + String(text[bytes.index(after: percent)...])
        }
        return nil
    }
}
