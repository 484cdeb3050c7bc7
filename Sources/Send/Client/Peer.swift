/// The server at the other end, as logs and reasons name it.
struct Peer: Sendable, Equatable {
    /// Host name, or what stood in the destination.
    var host: String
    /// Address, or path of a unix-domain socket.
    var address: String
    /// 0 for unix-domain sockets.
    var port: Int

    /// `mx.example.net[192.0.2.1]`
    var name: String { "\(host)[\(address)]" }
    /// `mx.example.net[192.0.2.1]:25`; without port for a unix-domain socket.
    var nameAndPort: String { port == 0 ? name : "\(name):\(port)" }
}
