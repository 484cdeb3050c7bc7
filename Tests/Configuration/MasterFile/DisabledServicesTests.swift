import Testing

@testable import Configuration

struct DisabledServicesTests {
    @Test(arguments: [
        ("", ["smtp/inet", "smtp/unix", "pickup/unix"]), ("inet", ["smtp/unix", "pickup/unix"]),
        ("smtp/unix", ["smtp/inet", "pickup/unix"]), ("!smtp/inet inet", ["smtp/inet", "smtp/unix", "pickup/unix"]),
        ("inet, pickup/unix", ["smtp/unix"]), ("smtp", ["smtp/inet", "smtp/unix", "pickup/unix"]),
    ])
    func decidesByTheFirstMatch(_ value: String, _ left: [String]) throws {
        let parameters = try Parameters(text: "compatibility_level = 3.6\nmaster_service_disable = \(value)\n")
        let text = "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\npickup unix n - n 60 1 pickup\n"
        let master = try MasterConfiguration(Array(text.utf8), parameters: parameters)
        let disabled = DisabledServices(parameters)
        let names = master.services.filter { !disabled.contains($0) }.map { "\($0.name)/\($0.kind.rawValue)" }
        #expect(names == left)
    }
}
