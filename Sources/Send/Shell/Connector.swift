import Glibc
import MailSyntax
import MailSystem
import NIOCore
import NIOPosix
import Sockets
import TLS

/// Opens connections for one service.
struct Connector: Sendable {
    let settings: ClientSettings
    let tls: TLSContext?
    let log: MailLog
    let clock: any MailClock
    let group: any EventLoopGroup
    var sockets: any Sockets = KernelSockets()

    /// `connect to mx[192.0.2.1]:25: Connection refused` on failure; logged as Postfix does.
    func connect(_ peer: Peer, _ address: SocketAddress, nexthop: String) async -> Result<
        ClientConnection, ServerFailure
    > {
        do {
            let local = try localAddress(for: address)
            return .success(
                try await ClientConnection.connect(
                    to: address, peer: peer, from: local, settings: settings, tls: tls,
                    verifying: settings.certificateNames(host: peer.host, nexthop: nexthop), log: log, clock: clock,
                    group: group, sockets: sockets))
        } catch {
            let reason = "connect to \(peer.nameAndPort): \(Self.text(error))"
            log.info(reason)
            return .failure(ServerFailure(status: "4.4.1", reason: reason))
        }
    }

    private func localAddress(for address: SocketAddress) throws -> SocketAddress? {
        switch address {
        case .v4: settings.bindAddress.isEmpty ? nil : try SocketAddress(ipAddress: settings.bindAddress, port: 0)
        case .v6: settings.bindAddress6.isEmpty ? nil : try SocketAddress(ipAddress: settings.bindAddress6, port: 0)
        case .unixDomainSocket: nil
        }
    }

    static func text(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: String(cString: strerror(ETIMEDOUT))
        default: "\(error)"
        }
    }
}
