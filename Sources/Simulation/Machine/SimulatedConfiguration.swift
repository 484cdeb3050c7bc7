import Configuration
import InternalProtocol
import Runtime

/// main.cf and master.cf of the simulated machine: read once for all runs.
struct SimulatedConfiguration: Sendable {
    struct EndpointOwner: Sendable {
        var service: MasterService
        var address: String
    }

    let parameters: Parameters
    let master: MasterConfiguration
    /// By the number of their descriptor less 1000; the last one is that of the queue's internal endpoint.
    let listeners: [EndpointOwner]
    let queueListener: CInt
    private let hosted: [String: [HostedService]]

    /// - Parameter settings: lines of main.cf, beside those of all runs.
    init(_ settings: String) throws {
        let key = try settings.contains(Scene.tls) ? "smtpd_tls_chain_files = \(SimulatedKey.file())" : ""
        parameters = try Parameters(text: "\(Scene.main)\n\(settings)\n\(key)\n")
        master = try MasterConfiguration(Array(Scene.master.utf8), parameters: parameters)
        var listeners: [EndpointOwner] = []
        var hosted: [String: [HostedService]] = [:]
        for service in master.services {
            let address = service.endpoint ?? "192.0.2.1:25"
            let listener = HostedListener(descriptor: CInt(1000 + listeners.count), address: address)
            listeners.append(EndpointOwner(service: service, address: address))
            hosted[Self.process(service.program), default: []].append(
                HostedService(
                    service: service, parameters: service.parameters(parameters), listeners: [listener]))
        }
        queueListener = CInt(1000 + listeners.count)
        if let first = master.services.first {
            listeners.append(EndpointOwner(service: first, address: InternalEndpoint.queue))
        }
        self.listeners = listeners
        self.hosted = hosted
    }

    func services(_ kind: String) -> [HostedService] { hosted[kind] ?? [] }

    /// As master's plan has it.
    private static func process(_ program: String) -> String {
        switch program {
        case "smtpd": "receive"
        case "smtp", "lmtp", "error", "discard": "send"
        case "local", "virtual", "pipe", "spawn": "deliver"
        default: "queue"
        }
    }
}
