import Configuration
import Lookup
import MailSyntax
import MailSystem
import Routing

/// Maps single addresses: canonical tables, then masquerading (ADDRESS_REWRITING_README).
struct AddressMapper: Sendable {
    private struct Step: Sendable {
        let table: AddressMapTable
        let roles: Set<AddressRole>
    }

    /// Rounds of a canonical table that maps its own results.
    private static let maximumRounds = 10

    private let steps: [Step]
    private let masquerade: Masquerade
    private let log: MailLog

    init(
        _ parameters: Parameters, opener: TableOpener, localDomains: LocalDomains, rewriter: AddressRewriter,
        log: MailLog
    ) {
        // The specific tables come before the common one.
        steps = [
            ("sender_canonical_maps", "sender_canonical_classes"),
            ("recipient_canonical_maps", "recipient_canonical_classes"), ("canonical_maps", "canonical_classes"),
        ].map { name, classes in
            Step(
                table: AddressMapTable(
                    name, extensionFeature: "canonical", parameters, opener: opener, localDomains: localDomains,
                    rewriter: rewriter, log: log),
                roles: AddressRole.set(parameters.list(classes)))
        }.filter { !$0.table.isEmpty }
        masquerade = Masquerade(parameters, opener: opener)
        self.log = log
    }

    /// Nothing would change: no need to ask.
    var isIdentity: Bool { steps.isEmpty && masquerade.isEmpty }

    /// - Parameters:
    ///   - address: internal form, complete, not empty.
    ///   - queueID: for log lines.
    func map(_ address: String, role: AddressRole, queueID: QueueIDText) async throws(MappingFailure) -> String {
        var address = address
        for step in steps where step.roles.contains(role) {
            address = try await map(address, step.table, queueID)
        }
        guard !masquerade.isEmpty, masquerade.roles.contains(role) else { return address }
        do {
            return try await masquerade.apply(address)
        } catch {
            log.info("\(queueID): masquerade_exceptions map lookup problem -- message not accepted, try again later")
            throw MappingFailure()
        }
    }

    private func map(
        _ original: String, _ table: AddressMapTable, _ queueID: QueueIDText
    ) async throws(MappingFailure) -> String {
        var address = original
        for _ in 0..<Self.maximumRounds {
            let results: [String]?
            do {
                results = try await table.map(address)
            } catch {
                log.warning(
                    "\(queueID): \(table.parameter) map lookup problem for \(address)"
                        + " -- message not accepted, try again later")
                throw MappingFailure()
            }
            guard let results, let first = results.first else { return address }
            if results.count > 1 {
                log.warning("\(queueID): multi-valued \(table.parameter) entry for \(address)")
            }
            if ASCII.identical(first, address) { return address }
            address = first
        }
        log.warning(
            "\(queueID): unreasonable \(table.parameter) map nesting for \(address)"
                + " -- message not accepted, try again later")
        return address
    }
}

/// A queue id as log lines have it.
typealias QueueIDText = String
