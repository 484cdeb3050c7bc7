import MailSyntax

/// An address reduced to where it finally goes: routing through this system's own domains is taken out.
struct RecipientParts: Equatable, Sendable {
    var local: String
    /// Without trailing dot.
    var domain: String
    /// The local part still holds a routing operator.
    var isRouted: Bool

    var address: String { "\(local)@\(domain)" }
}

extension AddressResolver {
    /// More rounds than any address needs: each takes a domain off.
    private static let maximumRounds = 100

    /// - Returns: nil for an address whose domain is empty; and what the address has become.
    func reduce(_ address: String) async throws(RoutingFailure) -> (RecipientParts?, text: String) {
        var text = address
        for _ in 0..<Self.maximumRounds {
            let (local, domain) = EmailAddress.split(text)
            guard let domain else {
                if let replaced = operators.replaceFirst(in: text), seesOperators(text) {
                    text = rewriter.rewrite(replaced)
                    continue
                }
                // Not $myorigin: an address without domain is this very host's.
                return (RecipientParts(local: text, domain: hostName, isRouted: hasOperator(text)), text)
            }
            let name = withoutFinalDot(domain)
            if isRouting(local) {
                let isHere = name.isEmpty ? true : try await isLocal(name)
                if isHere {
                    text = local.utf8.contains(0x40) ? rewriter.rewrite(local) : local
                    continue
                }
            }
            if name.isEmpty {
                guard resolvesNullDomain else { return (nil, text) }
                return (RecipientParts(local: local, domain: hostName, isRouted: false), text)
            }
            return (RecipientParts(local: local, domain: name, isRouted: hasOperator(local)), text)
        }
        return (nil, text)
    }

    private func withoutFinalDot(_ domain: String) -> String {
        let bytes = domain.utf8
        guard bytes.count > 1, bytes.last == 0x2E, bytes.dropLast().last != 0x2E else { return domain }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    /// The local part names another destination that this system would send to.
    private func isRouting(_ local: String) -> Bool {
        guard seesOperators(local) else { return false }
        return local.utf8.contains { byte in
            byte == 0x40 || (byte == 0x25 && operators.allowsPercent) || (byte == 0x21 && operators.swapsBang)
        }
    }

    /// resolve_dequoted_address: look at what stands inside quotes.
    private func seesOperators(_ local: String) -> Bool {
        resolvesDequoted || EmailAddress.quoted(local).utf8.elementsEqual(local.utf8)
    }

    private func hasOperator(_ local: String) -> Bool {
        local.utf8.contains { $0 == 0x40 || $0 == 0x25 || $0 == 0x21 }
    }
}
