/// A look-up in a `proxy:` table, for a process whose chroot may hide the table's server. Asked of
/// `InternalEndpoint.queue`.
public struct ProxyLookupRequest: InternalRequest, Equatable {
    public typealias Reply = LookupReply
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
