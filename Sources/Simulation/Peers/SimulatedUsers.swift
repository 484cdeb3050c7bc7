import MailSystem

/// The accounts of the simulated machine.
struct SimulatedUsers: UserDatabase {
    private static let others = [Scene.account("nobody", 65534), Scene.account("robot", 6000)]

    private var all: [UserAccount] { Scene.users.map(\.account) + Self.others }

    func lookup(name: String) throws(SystemError) -> UserAccount? { all.first { $0.name == name } }
    func lookup(uid: UInt32) throws(SystemError) -> UserAccount? { all.first { $0.uid == uid } }
    func group(name: String) throws(SystemError) -> UInt32? { try lookup(name: name)?.gid }
}
