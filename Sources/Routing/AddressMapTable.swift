import Configuration
import Lookup
import MailSyntax
import MailSystem

/// A parameter such as canonical_maps or virtual_alias_maps: address in, addresses out.
public struct AddressMapTable: Sendable {
    public let parameter: String
    public let isEmpty: Bool
    private let lookup: AddressLookup
    private let propagatesExtension: Bool
    private let rewriter: AddressRewriter
    private let log: MailLog

    /// - Parameter extensionFeature: its name in propagate_unmatched_extensions.
    public init(
        _ parameter: String, extensionFeature: String, _ parameters: Parameters, opener: TableOpener,
        localDomains: LocalDomains, rewriter: AddressRewriter, log: MailLog
    ) {
        self.parameter = parameter
        let maps = Maps(parameter, of: parameters, opener: opener)
        isEmpty = maps.isEmpty
        lookup = AddressLookup(
            maps: maps, delimiters: parameters["recipient_delimiter"],
            isLocal: { domain throws(LookupError) in try await localDomains.mayOmitDomain(domain) })
        propagatesExtension = parameters.list("propagate_unmatched_extensions").contains(extensionFeature)
        self.rewriter = rewriter
        self.log = log
    }

    /// - Parameter address: internal form, complete.
    /// - Returns: internal form, complete; nil without a match.
    public func map(_ address: String) async throws(LookupError) -> [String]? {
        guard let match = try await lookup.find(address) else { return nil }
        let results = AddressListParser.addresses(match.value.utf8).map { result in
            let extensionText = propagatesExtension ? match.unmatchedExtension : nil
            return rewriter.rewrite(Self.complete(result, from: address, extensionText: extensionText))
        }
        guard !results.isEmpty else {
            log.warning("\(parameter) lookup of \(address) returns non-address result \"\(match.value)\"")
            throw LookupError(table: parameter, reason: "non-address result")
        }
        return results
    }

    /// `@domain` keeps the local part, its extension included; other results get the extension that did not match.
    package static func complete(_ result: String, from address: String, extensionText: String?) -> String {
        if result.utf8.first == 0x40 { return EmailAddress.split(address).local + result }
        guard let extensionText else { return result }
        let (local, domain) = EmailAddress.split(result)
        return local + extensionText + (domain.map { "@" + $0 } ?? "")
    }
}
