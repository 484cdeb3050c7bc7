/// Where an address stands; canonical_classes and masquerade_classes choose among these.
enum AddressRole: String, Sendable, Hashable, CaseIterable {
    case envelopeSender = "envelope_sender"
    case envelopeRecipient = "envelope_recipient"
    case headerSender = "header_sender"
    case headerRecipient = "header_recipient"

    static func set(_ words: [String]) -> Set<AddressRole> { Set(words.compactMap { AddressRole(rawValue: $0) }) }
}

/// A table that cannot answer, or an unreasonable result. It has been logged; mail waits.
struct MappingFailure: Error {
    var problem = CleanupProblem.writeFailure
}
