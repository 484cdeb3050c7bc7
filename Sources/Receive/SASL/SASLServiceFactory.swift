import Configuration
import Lookup
import MailSystem
import NIOCore
import Runtime
import Sockets
import Synchronization

/// A smtpd_sasl_type or smtpd_sasl_path that cannot be used: start-up refuses it.
public struct SASLConfigurationError: Error, CustomStringConvertible, Sendable {
    public let description: String
}

/// Makes the authentication services of a process. Services that name the same Dovecot socket share one connection.
public final class SASLServiceFactory: Sendable {
    private let group: any EventLoopGroup
    private let pool: BlockingPool
    private let sockets: any Sockets
    private let processID: Int32
    private let clients = Mutex<[DovecotEndpoint: DovecotAuthClient]>([:])

    /// Values of smtpd_sasl_type, as `postconf -a` lists them.
    public static let types = ["dovecot", "embedded"]

    public init(group: any EventLoopGroup, pool: BlockingPool, machine: Machine) {
        self.group = group
        self.pool = pool
        sockets = machine.sockets
        processID = machine.processID
    }

    /// - Parameter opener: opens the embedded type's password table, before chroot.
    public func make(
        _ parameters: Parameters, opener: TableOpener, log: MailLog
    ) throws(SASLConfigurationError) -> any SASLService {
        let path = parameters["smtpd_sasl_path"]
        let unknown = SASLSettings.unknownOptions(
            in: parameters.list("smtpd_sasl_security_options") + parameters.list("smtpd_sasl_tls_security_options"))
        if let name = unknown.first {
            throw SASLConfigurationError(description: "unknown SASL security option: \"\(name)\"")
        }
        switch parameters["smtpd_sasl_type"] {
        case "dovecot":
            guard let endpoint = DovecotEndpoint(path) else {
                throw SASLConfigurationError(description: "smtpd_sasl_path: \"\(path)\" is no endpoint of Dovecot")
            }
            return DovecotAuthService(
                client: client(endpoint), service: parameters["smtpd_sasl_service"], log: log, path: path)
        case "embedded":
            return EmbeddedPasswordService(
                table: opener.open(path.contains(":") ? path : "texthash:\(path)"),
                localDomain: parameters["smtpd_sasl_local_domain"], pool: pool, log: log)
        case let other:
            throw SASLConfigurationError(
                description: "unsupported SASL server implementation: \(other); smtpd_sasl_type takes "
                    + Self.types.joined(separator: ", "))
        }
    }

    private func client(_ endpoint: DovecotEndpoint) -> DovecotAuthClient {
        clients.withLock { clients in
            if let client = clients[endpoint] { return client }
            // Dovecot tells its clients apart by process id: one connection a process to each socket.
            let client = DovecotAuthClient(endpoint: endpoint, group: group, sockets: sockets, processID: processID)
            clients[endpoint] = client
            return client
        }
    }
}
