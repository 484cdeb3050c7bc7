import MailSyntax

/// `cidr:/path` and `cidr:{ {rule} … }`: networks, the first rule that matches decides (cidr_table(5)).
struct CIDRTable: ImmediateTable {
    let name: String
    let owner: TableOwner
    private let rules: CIDRBlock

    /// Parts of an address are no addresses.
    var takesWholeKeyOnly: Bool { true }

    static func open(_ request: TableRequest) throws(TableOpenError) -> any LookupTable {
        try request.requireReading()
        let text = try RuleText(request)
        var reader = CIDRReader(text: text, options: request.options)
        return CIDRTable(name: "\(request.specification)", owner: text.owner, rules: reader.read())
    }

    /// A key that is no address has no value.
    func lookUp(_ key: [UInt8]) throws(LookupError) -> [UInt8]? {
        guard let address = IPAddress(key.text) else { return nil }
        return rules.find(address)
    }
}

/// Rules between `if` and `endif`, or of the whole table.
///
/// Plain rules stand in a prefix tree that gives the earliest one which matches. Negated rules and inner blocks are few:
/// they are tried in order, as long as they come before that one.
struct CIDRBlock: Sendable {
    private var plain = PrefixTree()
    private var values: [[UInt8]] = []
    private var others: [(position: Int, rule: Other)] = []
    private var count = 0

    struct Condition: Sendable {
        let network: IPNetwork
        let negated: Bool

        /// An address of the other family neither matches nor fails to match.
        func holds(_ address: IPAddress) -> Bool {
            address.isIPv4 == network.base.isIPv4 && network.contains(address) != negated
        }
    }

    private enum Other: Sendable {
        case negated(Condition, value: [UInt8])
        indirect case block(Condition, CIDRBlock)
    }

    mutating func append(_ condition: Condition, value: [UInt8]) {
        if condition.negated {
            others.append((count, .negated(condition, value: value)))
        } else {
            plain.insert(condition.network, rule: count)
        }
        values.append(value)
        count += 1
    }

    mutating func append(_ condition: Condition, _ block: CIDRBlock) {
        others.append((count, .block(condition, block)))
        values.append([])
        count += 1
    }

    func find(_ address: IPAddress) -> [UInt8]? {
        let first = plain.firstRule(address)
        for (position, rule) in others {
            if let first, position > first { break }
            switch rule {
            case .negated(let condition, let value):
                if condition.holds(address) { return value }
            case .block(let condition, let block):
                if condition.holds(address), let value = block.find(address) { return value }
            }
        }
        return first.map { values[$0] }
    }
}
