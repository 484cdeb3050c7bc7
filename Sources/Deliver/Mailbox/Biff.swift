import MailSystem

/// Tells comsat(8) of new mail in a mailbox file: `user@offset` in a datagram to the biff port of this machine, for users
/// who have said `biff y`. Nobody need listen; nothing is waited for.
struct Biff: Sendable {
    /// `biff/udp`
    static let standardPort: UInt16 = 512

    let port: UInt16

    init(port: UInt16? = nil) {
        self.port = port ?? NameService.datagramPort("biff") ?? Self.standardPort
    }

    /// - Parameter offset: where the message begins in the mailbox file, bytes.
    func notify(_ user: String, offset: Int) {
        // A C string, as comsat has it.
        LoopbackDatagram.send(Array("\(user)@\(offset)".utf8) + [0], port: port)
    }
}
