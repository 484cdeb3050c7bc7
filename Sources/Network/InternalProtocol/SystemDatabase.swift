/// A look-up in the system's user or group database, for a process whose chroot hides it. Asked of
/// `InternalEndpoint.queue`.
public struct SystemDatabaseRequest: InternalRequest, Equatable {
    public typealias Reply = SystemDatabaseReply
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

public enum SystemDatabaseReply: WireCodable, Equatable {
    case found(String)
    case notFound
    case failed(String)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .found(let line):
            writer.write(UInt8(0))
            writer.write(line)
        case .notFound: writer.write(UInt8(1))
        case .failed(let reason):
            writer.write(UInt8(2))
            writer.write(reason)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.byte() {
        case 0: self = .found(try reader.string())
        case 1: self = .notFound
        case 2: self = .failed(try reader.string())
        default: throw WireError("unknown answer of the user database")
        }
    }
}
