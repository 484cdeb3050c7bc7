import Configuration
import InternalProtocol
import MailSystem
import Runtime

/// One accepted state of main.cf and master.cf, with everything that master derives from it.
struct ServerSettings {
    let parameters: Parameters
    let master: MasterConfiguration
    /// The text of master.cf that `master` was read from.
    let masterFile: [UInt8]
    let plan: ProcessPlan
    /// For each service of master.cf, in order; empty for those that nothing runs.
    let endpoints: [[EndpointAddress]]
    /// The account of mail_owner.
    let owner: UserAccount
    /// Warnings for the log.
    let warnings: [String]

    /// Reads and checks both files. Nothing is opened or changed.
    init(directory: String) throws(ConfigurationError) {
        parameters = try Parameters.load(directory: directory, processName: "master")
        let file = "\(directory)/master.cf"
        do {
            masterFile = try Files.read(file)
        } catch {
            throw ConfigurationError("\(error)")
        }
        var services = try MasterConfiguration(masterFile, file: file, parameters: parameters)
        let disabled = DisabledServices(parameters)
        services.services.removeAll(where: disabled.contains)
        master = services
        var warnings: [String] = []
        for diagnostic in parameters.diagnostics(master: master) {
            if diagnostic.severity == .fatal { throw diagnostic.error }
            warnings.append(diagnostic.description)
        }
        plan = ProcessPlan(master.services)
        for (index, reason) in plan.skipped {
            let service = master.services[index]
            warnings.append("\(file): line \(service.line): service \(service.name): \(reason)")
        }
        owner = try Self.account(parameters["mail_owner"])
        let hosted = Set(plan.processes.flatMap(\.services))
        var endpoints: [[EndpointAddress]] = []
        for (index, service) in master.services.enumerated() {
            guard hosted.contains(index) else {
                endpoints.append([])
                continue
            }
            do {
                endpoints.append(try EndpointAddress.of(service, parameters))
            } catch {
                throw ConfigurationError("\(file): line \(service.line): \(error.description)")
            }
        }
        self.endpoints = endpoints
        let sinkFile = parameters["maillog_file"]
        if !sinkFile.isEmpty {
            try LogSetup.check(file: sinkFile, prefixes: parameters.list("maillog_file_prefixes"))
        } else if LogLine.facility(parameters["syslog_facility"]) == nil {
            throw ConfigurationError("syslog_facility: bad facility name \"\(parameters["syslog_facility"])\"")
        }
        self.warnings = warnings
    }

    private static func account(_ name: String) throws(ConfigurationError) -> UserAccount {
        let account: UserAccount?
        do {
            account = try Users.lookup(name: name)
        } catch {
            throw ConfigurationError("mail_owner: \(error)")
        }
        guard let account else { throw ConfigurationError("mail_owner: unknown user: \(name)") }
        if account.uid == 0 { throw ConfigurationError("mail_owner: user \(name) has privileges: choose another") }
        return account
    }

    /// All endpoints, the internal one included.
    var allEndpoints: [EndpointAddress] { endpoints.flatMap { $0 } + [Self.queueEndpoint] }

    static let queueEndpoint = EndpointAddress.stream(InternalEndpoint.queue)

    var queueDirectory: String { parameters["queue_directory"] }
}
