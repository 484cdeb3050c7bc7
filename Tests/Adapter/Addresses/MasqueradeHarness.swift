import Cleanup
import Configuration
import Lookup

enum MasqueradeHarness {
    /// Bit of "the message cannot be written" in Postfix's status mask.
    private static let writeFailure = 2

    /// `EXCEPTIONS DOMAINS ADDRESS`
    static func run(_ console: Console) async {
        guard console.arguments.count == 3 else {
            console.fatal("usage: cleanup_masquerade exceptions masquerade_list address")
        }
        let (exceptions, domains, address) = (console.arguments[0], console.arguments[1], console.arguments[2])
        console.print("----------")
        console.print("exceptions: \(exceptions)")
        console.print("masq_list:  \(domains)")
        console.print("address:    \(address)")
        let parameters = Parameters(values: ["masquerade_domains": domains, "masquerade_exceptions": exceptions])
        let masquerade = Masquerade(parameters, opener: TableOpener(settings: TableSettings(), log: console.log))
        var result = address
        var errors = 0
        do {
            result = try await masquerade.apply(address)
        } catch {
            console.log.info(
                "NOQUEUE: masquerade_exceptions map lookup problem -- message not accepted, try again later")
            errors = writeFailure
        }
        console.print("result:     \(result)")
        console.print("errs:       \(errors)")
    }
}
