import MailSystem

/// What Postfix finds out only when mail comes: `postfix check` tells it before. Pure but for the files that `files`
/// answers for.
public struct DeepCheck {
    /// What is asked of the system.
    public protocol Files {
        /// Nil when there is no such file.
        func status(_ path: String) -> FileStatus?
        /// Nil when one of them cannot be read.
        func certificate(_ path: String, key: String) -> CertificateFacts?
        /// Whether a PEM file has a private key.
        func holdsKey(_ path: String) -> Bool
        /// Keys and certificates of several PEM files, read as one: what keeps a program from using them, and the
        /// certificates of keys, each with its file.
        func chain(_ paths: [String]) -> (
            problem: String?, certificates: [(path: String, validity: CertificateValidity)]
        )
        /// What is said when the table `type:path` is opened: why it cannot be, or which of its lines are ignored.
        func openingProblems(_ table: String) -> (failure: String?, warnings: [String])
        /// The first value that a table has for one of the keys.
        func value(_ table: String, _ keys: [String]) -> String?
        /// Values of a table that can be listed.
        func values(_ table: String) -> [String]
        /// Of a table's configuration file in the format of main.cf.
        func setting(_ name: String, in file: String) -> String?
        /// Whether a list such as mynetworks holds an address.
        func networks(_ list: String, hold address: String) -> Bool
        /// Whether a list such as relay_domains holds a domain.
        func domains(_ list: String, hold domain: String) -> Bool
        /// Whether a program can be run.
        func isProgram(_ path: String) -> Bool
        func isUser(_ name: String) -> Bool
    }

    let parameters: Parameters
    let master: MasterConfiguration
    let files: any Files

    public init(parameters: Parameters, master: MasterConfiguration, files: any Files) {
        self.parameters = parameters
        self.master = master
        self.files = files
    }

    /// Once each, in the order of the files.
    public func problems() -> [ConfigurationDiagnostic] {
        var tables = TableFileCheck(files: files)
        var found = tables.problems(parameters, parameters.namesSet)
        found += tables.defaultAliases(parameters, master)
        for service in master.services {
            let own = service.parameters(parameters)
            found += tables.problems(own, service.overrides.map(\.name))
            switch service.program {
            case "smtpd":
                found += RestrictionOrderCheck.problems(own)
                found += ExposureCheck(files: files, service: service, parameters: own, file: master.file).problems()
                found += CertificateCheck(files: files, prefix: "smtpd", parameters: own).problems()
                found += CertificateCheck.absence(service, own, file: master.file)
            case "smtp", "lmtp":
                found += CertificateCheck(files: files, prefix: service.program, parameters: own).problems()
            case "postscreen": found += RestrictionOrderCheck.blockListProblems(postscreen: own)
            default: break
            }
        }
        found += TransportCheck(files: files, master: master).problems(parameters)
        found += ChrootCheck(files: files, master: master).problems(parameters)
        var unique: [ConfigurationDiagnostic] = []
        for problem in found where !unique.contains(problem) { unique.append(problem) }
        return unique
    }
}

/// When a certificate is good.
public struct CertificateValidity: Sendable, Equatable {
    /// Days until it ends; negative when it has.
    public var daysLeft: Int
    public var hasBegun: Bool

    public init(daysLeft: Int, hasBegun: Bool = true) {
        self.daysLeft = daysLeft
        self.hasBegun = hasBegun
    }
}

/// What a certificate file says.
public struct CertificateFacts: Sendable, Equatable {
    public var validity: CertificateValidity
    public var matchesKey: Bool

    public init(validity: CertificateValidity, matchesKey: Bool) {
        self.validity = validity
        self.matchesKey = matchesKey
    }
}

extension Parameters {
    /// A warning at the place where `name` is set.
    func warning(_ name: String, _ text: String, cure: String) -> ConfigurationDiagnostic {
        let place = place(of: name)
        return ConfigurationDiagnostic(
            .warning, file: place?.file ?? "", line: place?.line ?? 0, "\(name): \(text)", cure: cure)
    }
}
