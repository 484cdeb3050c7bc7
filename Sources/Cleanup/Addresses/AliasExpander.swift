import Configuration
import Lookup
import MailSyntax
import MailSystem
import Routing

/// virtual_alias_maps: one recipient becomes many, as virtual(5) says.
struct AliasExpander: Sendable {
    private let table: AddressMapTable
    private let expansionLimit: Int
    private let recursionLimit: Int
    private let addressLengthLimit: Int
    private let log: MailLog

    init(
        _ parameters: Parameters, opener: TableOpener, localDomains: LocalDomains, rewriter: AddressRewriter,
        log: MailLog
    ) {
        table = AddressMapTable(
            "virtual_alias_maps", extensionFeature: "virtual", parameters, opener: opener, localDomains: localDomains,
            rewriter: rewriter, log: log)
        expansionLimit = parameters.int("virtual_alias_expansion_limit")
        recursionLimit = parameters.int("virtual_alias_recursion_limit")
        addressLengthLimit = parameters.int("virtual_alias_address_length_limit")
        self.log = log
    }

    var isEmpty: Bool { table.isEmpty }

    private struct Entry {
        var address: String
        /// How many aliases led here.
        var depth: Int
    }

    /// - Returns: at least one address; the address itself when no alias matches.
    func expand(_ address: String, queueID: QueueIDText) async throws(MappingFailure) -> [String] {
        var list = [Entry(address: address, depth: 0)]
        var index = 0
        while index < list.count {
            let entry = list[index]
            guard list.count <= expansionLimit else { throw unreasonable("map expansion size for \(address)", queueID) }
            guard entry.depth < recursionLimit else { throw unreasonable("map nesting for \(address)", queueID) }
            guard let results = try await look(entry.address, queueID), let first = results.first else {
                index += 1
                continue
            }
            if let long = results.first(where: { $0.utf8.count > addressLengthLimit }) {
                let shown = String(decoding: long.utf8.prefix(300), as: UTF8.self)
                throw unreasonable("result \(shown)...", queueID)
            }
            list[index] = Entry(address: first, depth: entry.depth + 1)
            for result in results.dropFirst() { list.append(Entry(address: result, depth: entry.depth + 1)) }
            // An alias that contains its own name ends there.
            if ASCII.equalIgnoringCase(first, entry.address) { index += 1 }
        }
        return list.map(\.address)
    }

    private func look(_ address: String, _ queueID: QueueIDText) async throws(MappingFailure) -> [String]? {
        do {
            return try await table.map(address)
        } catch {
            log.warning(
                "\(queueID): \(table.parameter) map lookup problem for \(address)"
                    + " -- message not accepted, try again later")
            throw MappingFailure()
        }
    }

    private func unreasonable(_ what: String, _ queueID: QueueIDText) -> MappingFailure {
        log.warning("\(queueID): unreasonable \(table.parameter) \(what) -- message not accepted, try again later")
        return MappingFailure(problem: .aliasExpansion)
    }
}
