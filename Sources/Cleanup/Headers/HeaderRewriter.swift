import MailSyntax
import MailSystem
import Routing

/// Rewrites and maps the addresses of one header.
struct HeaderRewriter: Sendable {
    let rewriter: AddressRewriter
    /// Nil when address mapping is off.
    let mapper: AddressMapper?
    let tokenLimit: Int
    let log: MailLog

    /// - Returns: the new lines, nil when nothing changes.
    func rewrite(
        _ header: HeaderLine, role: AddressRole, context: RewriteContext, queueID: QueueIDText
    ) async throws(MappingFailure) -> [[UInt8]]? {
        var tokens = AddressListParser.parse(header.value, limit: tokenLimit)
        var changed = false
        for (index, token) in tokens.enumerated() {
            guard case .address(let address) = token else { continue }
            let before = AddressText.externalForm(address)
            var after = rewriter.rewriteExternal(address, context: context)
            if let mapper, !mapper.isIdentity {
                let complete = EmailAddress.unquote(after)
                if !complete.isEmpty {
                    let mapped = try await mapper.map(complete, role: role, queueID: queueID)
                    if !ASCII.identical(mapped, complete) { after = EmailAddress.quoted(mapped) }
                }
            }
            if ASCII.identical(before, after) { continue }
            changed = true
            tokens[index] = .address([.atom(Array(after.utf8))])
        }
        return changed ? HeaderFolding.fold(name: header.name, AddressText.headerLines(tokens, warn: log.warning)) : nil
    }
}
