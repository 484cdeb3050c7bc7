import Glibc
import MailSyntax

/// A UDP datagram to this machine.
public enum LoopbackDatagram {
    /// Sends and forgets: nobody need listen. Never blocks.
    public static func send(_ bytes: [UInt8], port: UInt16) {
        guard let loopback = IPAddress("127.0.0.1") else { return }
        let descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue) | Descriptors.closeOnExec, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = try? Listeners.withSocketAddress(loopback, port: port) { address, length in
            bytes.withUnsafeBytes {
                sendto(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT), address, length)
            }
        }
    }
}
