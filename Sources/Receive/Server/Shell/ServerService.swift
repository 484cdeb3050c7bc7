import DNS
import MailSyntax
import NIOCore
import TLS

/// What the connections of one smtpd service share.
final class ServerService: Sendable {
    let settings: ServerSettings
    let environment: ServerEnvironment
    /// Nil when no TLS is configured or its keys can't be used.
    let tls: TLSContext?
    let names: ClientNameLookup?
    /// Most sessions at a time; 0: no limit.
    let sessionLimit: Int

    init(
        settings: ServerSettings, environment: ServerEnvironment, tls: TLSContext?, names: ClientNameLookup?,
        sessionLimit: Int
    ) {
        self.settings = settings
        self.environment = environment
        self.tls = tls
        self.names = names
        self.sessionLimit = sessionLimit
    }

    /// Looks the client's name up.
    func identity(address: IPAddress?, port: String) async -> ClientIdentity {
        guard let address else {
            return ClientIdentity(
                name: "unknown", nameStatus: .permanent, reverseName: "unknown", reverseStatus: .permanent,
                address: "unknown", ip: nil, port: "unknown")
        }
        guard settings.looksUpNames, let names else {
            return ClientIdentity(
                name: "unknown", nameStatus: .permanent, reverseName: "unknown", reverseStatus: .permanent,
                address: address.description, ip: address, port: port)
        }
        let found = await names.name(of: address)
        for warning in found.warnings { environment.log.warning(warning) }
        return ClientIdentity(
            name: found.name, nameStatus: NameStatus(found.status), reverseName: found.reverseName,
            reverseStatus: NameStatus(found.reverseStatus), address: address.description, ip: address, port: port)
    }
}

extension NameStatus {
    init(_ status: ClientName.Status) {
        switch status {
        case .ok: self = .ok
        case .temporaryFailure: self = .temporary
        case .notFound, .forged: self = .permanent
        }
    }
}
