import Configuration
import Glibc
import MailSystem

/// The sockets that master holds open, over reloads and restarts of the processes that serve them.
final class EndpointTable {
    private var open: [EndpointAddress: CInt] = [:]
    private let owner: UserAccount?

    /// - Parameter owner: mail_owner; unix-domain sockets become its property when this process is root.
    init(owner: UserAccount?) { self.owner = owner }

    func descriptor(_ address: EndpointAddress) -> CInt? { open[address] }

    /// Opens what is wanted and not yet open. When one fails, those opened by this call are closed again.
    /// - Returns: addresses that the kernel does not have (IPv6 switched off), left out.
    func add(_ wanted: [EndpointAddress]) throws(SystemError) -> Set<EndpointAddress> {
        var added: [EndpointAddress: CInt] = [:]
        var absent: Set<EndpointAddress> = []
        for address in wanted where open[address] == nil && added[address] == nil {
            do throws(SystemError) {
                added[address] = try make(address)
            } catch {
                if case .inet(let ip, _) = address, !ip.isIPv4,
                    error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL
                {
                    absent.insert(address)
                    continue
                }
                for descriptor in added.values { Descriptors.close(descriptor) }
                throw SystemError("bind", path: "\(address)", errno: error.errno)
            }
        }
        open.merge(added) { current, _ in current }
        return absent
    }

    /// Closes what is open and no longer wanted.
    func keepOnly(_ wanted: Set<EndpointAddress>) {
        for (address, descriptor) in open where !wanted.contains(address) {
            Descriptors.close(descriptor)
            if let path = address.path { unlink(path) }
            open[address] = nil
        }
    }

    private func make(_ address: EndpointAddress) throws(SystemError) -> CInt {
        switch address {
        case .inet(let ip, let port): return try Listeners.tcp(address: ip, port: port)
        case .stream(let path):
            let descriptor = try Listeners.unix(path: path, permissions: 0o666)
            handOver(path)
            return descriptor
        case .datagram(let path):
            let descriptor = try Listeners.unix(path: path, permissions: 0o666, type: .datagram)
            handOver(path)
            return descriptor
        case .fifo(let path):
            unlink(path)
            if mkfifo(path, 0o622) != 0 { throw SystemError("make fifo", path: path) }
            chmod(path, 0o622)
            handOver(path)
            // Reading and writing: it never ends while it is open here.
            let descriptor = Glibc.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            if descriptor < 0 { throw SystemError("open", path: path) }
            return descriptor
        }
    }

    private func handOver(_ path: String) {
        if Privileges.isRoot, let owner { lchown(path, owner.uid, owner.gid) }
    }
}
