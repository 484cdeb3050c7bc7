import Lookup

enum FoldAddressHarness {
    static func run(_ console: Console) async {
        for line in console.octetLines() {
            console.print([0x3E, 0x20] + line)
            if line.isEmpty || line.first == 0x23 { continue }
            let parts = line.split(separator: 0x20, maxSplits: 1)
            let sides: [String: AddressFolding] = ["host": .domain, "user": .localPart, "all": .all, "none": []]
            guard parts.count == 2, let folding = sides[String(decoding: parts[0], as: UTF8.self)] else {
                console.print("Usage: [host|user|all] <address>")
                continue
            }
            let address = Array(parts[1])
            let folded = folding.fold(address, utf8: true)
            console.print([0x22] + address + "\" -> \"".utf8 + folded + [0x22])
        }
    }
}
