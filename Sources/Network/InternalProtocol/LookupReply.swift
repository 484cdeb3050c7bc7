/// What a process found for another one, in the system's databases or a table.
public enum LookupReply: WireCodable, Equatable {
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
        default: throw WireError("unknown answer to a lookup")
        }
    }
}
