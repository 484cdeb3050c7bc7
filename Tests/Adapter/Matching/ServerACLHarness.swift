import Lookup

enum ServerACLHarness {
    static func run(_ console: Console) async {
        var networks = ""
        var list = ""
        for line in console.lines() {
            console.print("> \(line)")
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            switch (parts[0], parts.count > 1 ? parts[1] : "") {
            case ("mynetworks", let value): networks = value
            case ("server_acl", let value): list = value
            case ("address", let address):
                let opener = TableOpener(settings: TableSettings(), log: console.log)
                let acl = ServerAccessList(
                    list, name: "server_acl", networks: NetworkList(networks, name: "mynetworks", opener: opener),
                    opener: opener)
                console.print("\(address): \(await acl.evaluate(address).rawValue)")
            default: console.log.warning("unknown command: \(line)")
            }
        }
    }
}
