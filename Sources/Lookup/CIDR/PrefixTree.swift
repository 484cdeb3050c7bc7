import MailSyntax

/// Networks with the number of the rule that names them: finds the lowest number among all that hold an address, in at
/// most as many steps as an address has bits. At most two nodes for a network.
struct PrefixTree: Sendable {
    private struct Node: Sendable {
        /// The prefix, from the highest bit; the bits after `length` are zero.
        var key: UInt128
        var length: Int
        /// The lowest rule for exactly this prefix, -1 for none.
        var rule: Int32
        var children: (Int32, Int32) = (-1, -1)
    }

    private var nodes: [Node] = []
    /// Root nodes for IPv4 and IPv6, or -1.
    private var roots: (Int32, Int32) = (-1, -1)

    /// Rules must be inserted in rising order: the first for a network stays.
    mutating func insert(_ network: IPNetwork, rule: Int) {
        let key = Self.key(network.base)
        let length = network.prefixLength
        let leaf = Node(key: key, length: length, rule: Int32(truncatingIfNeeded: rule))
        let four = network.base.isIPv4
        var parent: Int?
        var current = four ? roots.0 : roots.1
        while true {
            guard current >= 0 else { return link(add(leaf), below: parent, bit: key, four) }
            let index = Int(current)
            let node = nodes[index]
            let common = min(Self.commonBits(node.key, key), node.length, length)
            if common == node.length {
                if common == length {
                    if node.rule < 0 { nodes[index].rule = leaf.rule }
                    return
                }
                parent = index
                current = Self.bit(key, common) ? node.children.1 : node.children.0
                continue
            }
            split(index, at: common, leaf, below: parent, four)
            return
        }
    }

    /// Puts a node for the first `common` bits above node `index`, with `leaf` beside or in it.
    private mutating func split(_ index: Int, at common: Int, _ leaf: Node, below parent: Int?, _ four: Bool) {
        let old = nodes[index]
        if common == leaf.length {
            let new = add(leaf)
            setChild(new, Self.bit(old.key, common), index)
            link(new, below: parent, bit: leaf.key, four)
            return
        }
        let fork = add(Node(key: Self.prefix(leaf.key, common), length: common, rule: -1))
        setChild(fork, Self.bit(old.key, common), index)
        setChild(fork, Self.bit(leaf.key, common), add(leaf))
        link(fork, below: parent, bit: leaf.key, four)
    }

    private mutating func add(_ node: Node) -> Int {
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func setChild(_ node: Int, _ bit: Bool, _ child: Int) {
        if bit {
            nodes[node].children.1 = Int32(truncatingIfNeeded: child)
        } else {
            nodes[node].children.0 = Int32(truncatingIfNeeded: child)
        }
    }

    private mutating func link(_ node: Int, below parent: Int?, bit key: UInt128, _ four: Bool) {
        if let parent {
            setChild(parent, Self.bit(key, nodes[parent].length), node)
        } else if four {
            roots.0 = Int32(truncatingIfNeeded: node)
        } else {
            roots.1 = Int32(truncatingIfNeeded: node)
        }
    }

    func firstRule(_ address: IPAddress) -> Int? {
        let key = Self.key(address)
        var lowest: Int32?
        var current = address.isIPv4 ? roots.0 : roots.1
        while current >= 0 {
            let node = nodes[Int(current)]
            guard Self.prefix(key, node.length) == node.key else { break }
            if node.rule >= 0, node.rule < lowest ?? Int32.max { lowest = node.rule }
            guard node.length < 128 else { break }
            current = Self.bit(key, node.length) ? node.children.1 : node.children.0
        }
        return lowest.map(Int.init)
    }

    private static func key(_ address: IPAddress) -> UInt128 {
        var key: UInt128 = 0
        for byte in address.bytes { key = key << 8 | UInt128(byte) }
        return address.isIPv4 ? key << 96 : key
    }

    private static func prefix(_ key: UInt128, _ length: Int) -> UInt128 {
        length == 0 ? 0 : key & (UInt128.max << UInt128(128 - length))
    }

    private static func bit(_ key: UInt128, _ position: Int) -> Bool { (key << UInt128(position)) >> 127 == 1 }

    private static func commonBits(_ left: UInt128, _ right: UInt128) -> Int { (left ^ right).leadingZeroBitCount }
}
