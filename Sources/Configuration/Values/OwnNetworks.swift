/// What inet_interfaces, inet_protocols and mynetworks_style make of the machine's interfaces.
enum OwnNetworks {
    /// The interface addresses that the server uses.
    static func addresses(interfaces: String, protocols: String, facts: HostFacts) -> [InterfaceAddress] {
        let families = ListSetting.split(protocols)
        let useIPv4 = families.contains("all") || families.contains("ipv4")
        let useIPv6 = families.contains("all") || families.contains("ipv6")
        let present = facts.interfaces().filter { $0.address.count == 4 ? useIPv4 : useIPv6 }
        var chosen: [InterfaceAddress] = []
        for item in ListSetting.split(interfaces) {
            switch item {
            case "all": return present
            case "loopback-only": chosen += present.filter { isLoopback($0.address) }
            default:
                var text = item[...]
                if text.hasPrefix("["), text.hasSuffix("]") { text = text.dropFirst().dropLast() }
                let literal = ConfigurationFile.addressBytes(String(text))
                var named = literal == nil ? facts.addresses(String(text)) : []
                if named.isEmpty, item == "localhost" { named = present.map(\.address).filter(isLoopback) }
                for bytes in literal.map({ [$0] }) ?? named {
                    // A literal address counts whatever inet_protocols says.
                    if literal == nil, bytes.count == 4 ? !useIPv4 : !useIPv6 { continue }
                    let match = present.first { $0.address == bytes }
                    let entry = match ?? InterfaceAddress(address: bytes, prefixLength: bytes.count * 8)
                    if literal != nil || !chosen.contains(entry) { chosen.append(entry) }
                }
            }
        }
        return chosen
    }

    static func isLoopback(_ address: [UInt8]) -> Bool {
        address.count == 4 ? address[0] == 127 : address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    }

    /// The default of mynetworks: postconf(5).
    static func networks(style: String, addresses: [InterfaceAddress]) -> String {
        var items: [String] = []
        for entry in addresses {
            let width = entry.address.count * 8
            let prefix: Int
            switch style {
            case "host": prefix = width
            case "class" where width == 32: prefix = classPrefix(entry.address[0])
            default: prefix = min(entry.prefixLength, width)
            }
            let network = ConfigurationFile.addressText(masked(entry.address, prefix))
            let item = width == 32 ? "\(network)/\(prefix)" : "[\(network)]/\(prefix)"
            if !items.contains(item) { items.append(item) }
        }
        return items.joined(separator: " ")
    }

    private static func classPrefix(_ first: UInt8) -> Int {
        if first < 128 { return 8 }
        if first < 192 { return 16 }
        return first < 224 ? 24 : 32
    }

    private static func masked(_ address: [UInt8], _ prefix: Int) -> [UInt8] {
        address.enumerated().map { index, byte in
            let bits = max(0, min(8, prefix - index * 8))
            return byte & UInt8(truncatingIfNeeded: 0xFF << (8 - bits))
        }
    }
}
