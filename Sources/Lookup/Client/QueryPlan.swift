import MailSystem

/// What the tables that ask servers have in common: which keys they ask about, and how they make one result of many.
struct QueryPlan: Sendable {
    /// Without them, as for memcache: every value as it is.
    let query: QueryTemplate
    private let results: QueryTemplate
    private let domains: StringList?
    private let expansionLimit: Int
    private let keys: KeyFolding
    private let needsUTF8: Bool
    private let name: String
    let owner: TableOwner
    /// With its type, as warnings have it.
    private let tableName: String
    private let function: String
    private let log: MailLog

    /// - Parameter function: how Postfix's warnings about the type begin: `dict_sqlite_lookup`.
    init(
        _ request: TableRequest, _ settings: ClientSettings, query: String, function: String,
        format: String? = nil
    ) throws(TableOpenError) {
        let resultFormat: String
        if let format {
            resultFormat = format
        } else {
            resultFormat = try settings.string("result_format", "%s", minimum: 1)
        }
        expansionLimit = try settings.int("expansion_limit", 0)
        guard let template = QueryTemplate(query, isQuery: true) else {
            throw TableOpenError("db_common_parse: \(settings.name): Invalid query template: \(query)")
        }
        guard let results = QueryTemplate(resultFormat, isQuery: false) else {
            throw TableOpenError("db_common_parse: \(settings.name): Invalid result template: \(resultFormat)")
        }
        self.query = template
        self.results = results
        let list = try settings.string("domain", "")
        domains = list.isEmpty ? nil : StringList(list, name: "domain", opener: request.opener)
        keys = KeyFolding(request.options)
        needsUTF8 = !request.options.contains(.utf8)
        name = settings.name
        owner = settings.owner
        tableName = "\(request.specification)"
        self.function = function
        log = request.log
    }

    /// Parts of a key say less than these templates need.
    var takesWholeKeyOnly: Bool { domains != nil || query.needsPartOfKey || results.needsPartOfKey }

    /// The key to ask about, or nil where the answer is "not found" without asking.
    func key(_ key: [UInt8]) async throws(LookupError) -> AddressParts? {
        // SQL servers refuse what is no text.
        if needsUTF8, !Utf8Text.isValid(key) { return nil }
        let parts = AddressParts(keys.fold(key))
        if let domains {
            guard let domain = parts.domain, !domain.isEmpty, !parts.user.isEmpty else { return nil }
            guard try await domains.matches(domain.text) else { return nil }
        }
        if key.isEmpty {
            log.warning("table \"\(tableName)\": empty query string -- ignored")
            return nil
        }
        return query.accepts(parts) && results.accepts(parts) ? parts : nil
    }

    /// One result of all values, with commas between; nil when none is left.
    /// - Throws: when there are more values than `expansion_limit` allows; that has been logged.
    func result(_ values: some Sequence<[UInt8]>, key: AddressParts) throws(LookupError) -> [UInt8]? {
        var result: [UInt8] = []
        var count = 0
        for value in values {
            if value.isEmpty {
                log.warning("table \"\(tableName)\": empty lookup result for: \"\(key.whole.shown)\" -- ignored")
            }
            guard let text = results.expand(AddressParts(value), key: key, quote: { $0 }) else { continue }
            count += 1
            if expansionLimit > 0, count > expansionLimit {
                let colon = function == "dict_sqlite_lookup" ? "" : ":"
                log.warning("\(function): \(name): Expansion limit exceeded for key\(colon) '\(key.whole.shown)'")
                throw LookupError(table: name, reason: "expansion limit exceeded")
            }
            if count > 1 { result.append(UInt8(ascii: ",")) }
            result += text
        }
        return result.isEmpty ? nil : result
    }
}
