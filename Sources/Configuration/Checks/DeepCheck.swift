import MailSystem

/// What Postfix finds out only when mail comes: `postfix check` tells it before. Pure but for the files that `files`
/// answers for.
public struct DeepCheck {
    /// What is asked of the file system.
    public protocol Files {
        /// Nil when there is no such file.
        func status(_ path: String) -> FileStatus?
        func certificate(_ path: String, key: String) -> CertificateFacts?
        /// What is said when the table `type:path` is opened: why it cannot be, or which of its lines are ignored.
        func openingProblems(_ table: String) -> (failure: String?, warnings: [String])
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
        var found = TableFileCheck(files: files).problems(parameters, parameters.namesSet)
        let services = master.services.filter { $0.program == "smtpd" }
        for service in services {
            let own = service.parameters(parameters)
            found += TableFileCheck(files: files).problems(own, service.overrides.map(\.name))
            found += RestrictionOrderCheck.problems(own)
            found += ExposureCheck.problems(service, own, file: master.file)
            found += CertificateCheck(files: files).problems(own)
            found += CertificateCheck.absence(service, own, file: master.file)
        }
        for service in master.services where service.program == "postscreen" {
            found += RestrictionOrderCheck.blockListProblems(postscreen: service.parameters(parameters))
        }
        found += ChrootCheck(files: files, master: master).problems(parameters)
        var unique: [ConfigurationDiagnostic] = []
        for problem in found where !unique.contains(problem) { unique.append(problem) }
        return unique
    }
}

/// What a certificate file says.
public struct CertificateFacts: Sendable, Equatable {
    /// Days until it ends; negative when it has.
    public var daysLeft: Int
    public var matchesKey: Bool

    public init(daysLeft: Int, matchesKey: Bool) {
        self.daysLeft = daysLeft
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
