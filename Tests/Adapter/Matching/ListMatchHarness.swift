import Configuration
import Lookup
import Routing

enum ListMatchHarness {
    /// `LIST HOST ADDRESS`
    static func networks(_ console: Console) async {
        let arguments = console.arguments.filter { $0 != "-v" }
        guard arguments.count == 3 else { console.fatal("usage: namadr_list [-v] pattern_list hostname address") }
        let (name, address) = (arguments[1], arguments[2])
        let opener = TableOpener(settings: TableSettings(), log: console.log)
        let list = NetworkList(arguments[0], name: "command line", opener: opener, parentsMatch: true)
        var verdict = "ERROR"
        if let matches = try? await list.matches(name: name, address: address) { verdict = matches ? "YES" : "NO" }
        console.print("\(name)/\(address): \(verdict)")
    }

    /// `MYDESTINATION DOMAIN`
    static func localDomain(_ console: Console) async {
        guard console.arguments.count == 2 else { console.fatal("usage: resolve_local mydestination domain") }
        let (destinations, domain) = (console.arguments[0], console.arguments[1])
        let parameters = Parameters(values: ["mydestination": destinations])
        let local = LocalDomains(parameters, opener: TableOpener(settings: TableSettings(), log: console.log))
        var verdict = "ERROR"
        if let matches = try? await local.contains(domain) { verdict = matches ? "YES" : "NO" }
        console.print("mydestination=\(destinations) destination=\(domain) \(verdict)")
    }
}
