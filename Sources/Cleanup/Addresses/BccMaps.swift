import Configuration
import Lookup
import MailSystem
import Routing

/// sender_bcc_maps and recipient_bcc_maps.
struct BccMaps: Sendable {
    private let parameter: String
    private let lookup: AddressLookup?
    private let log: MailLog

    init(
        _ parameter: String, _ parameters: Parameters, opener: TableOpener, localDomains: LocalDomains, log: MailLog
    ) {
        self.parameter = parameter
        let maps = Maps(parameter, of: parameters, opener: opener)
        lookup =
            maps.isEmpty
            ? nil
            : AddressLookup(
                maps: maps, delimiters: parameters["recipient_delimiter"],
                isLocal: { domain throws(LookupError) in try await localDomains.mayOmitDomain(domain) })
        self.log = log
    }

    /// The bcc address for mail from or to `address`, not rewritten.
    func find(_ address: String, queueID: QueueIDText) async throws(MappingFailure) -> String? {
        guard let lookup else { return nil }
        do {
            return try await lookup.find(address)?.value
        } catch {
            log.warning("\(queueID): \(parameter) map lookup problem -- message not accepted, try again later")
            throw MappingFailure()
        }
    }
}
