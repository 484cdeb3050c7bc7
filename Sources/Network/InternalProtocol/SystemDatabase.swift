/// A look-up in the system's user or group database, for a process whose chroot hides it. Asked of
/// `InternalEndpoint.queue`.
public struct SystemDatabaseRequest: InternalRequest, Equatable {
    public typealias Reply = LookupReply
    public static let kind = RequestKind.systemDatabase

    /// `passwd.byname` or `group.byname`.
    public var database: String
    public var key: String

    public init(database: String, key: String) {
        self.database = database
        self.key = key
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(database)
        writer.write(key)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(database: try reader.string(), key: try reader.string())
    }
}
