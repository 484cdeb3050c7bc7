/// A look-up in a `proxy:` table, for a process whose chroot may hide the table's server. Asked of
/// `InternalEndpoint.queue`.
public struct ProxyLookupRequest: InternalRequest, Equatable {
    public typealias Reply = ProxyLookupReply
    public static let kind = RequestKind.proxyLookup

    /// `type:name`, without `proxy:`.
    public var table: String
    /// How the table is opened (`TableOptions`).
    public var options: UInt32
    public var key: [UInt8]

    public init(table: String, options: UInt32, key: [UInt8]) {
        self.table = table
        self.options = options
        self.key = key
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(table)
        writer.write(options)
        writer.write(key)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(table: try reader.string(), options: try reader.uint32(), key: try reader.bytes())
    }
}

public enum ProxyLookupReply: WireCodable, Equatable {
    case found([UInt8])
    case notFound
    case failed(String)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .found(let value):
            writer.write(UInt8(0))
            writer.write(value)
        case .notFound: writer.write(UInt8(1))
        case .failed(let reason):
            writer.write(UInt8(2))
            writer.write(reason)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.byte() {
        case 0: self = .found(try reader.bytes())
        case 1: self = .notFound
        case 2: self = .failed(try reader.string())
        default: throw WireError("unknown answer of a proxied table")
        }
    }
}
