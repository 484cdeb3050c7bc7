/// In-flow control: has the queue fallen behind with what comes in? Asked of `InternalEndpoint.queue` now and then, and
/// by each new message while it has.
public struct FlowRequest: InternalRequest, Equatable {
    public typealias Reply = FlowReply
    public static let kind = RequestKind.flow

    /// How long to wait for a better answer.
    public var milliseconds: Int

    public init(milliseconds: Int) { self.milliseconds = milliseconds }

    public func encode(into writer: inout WireWriter) { writer.write(milliseconds) }

    public init(from reader: inout WireReader) throws(WireError) { self.init(milliseconds: try reader.int()) }
}

public struct FlowReply: WireCodable, Equatable {
    /// New mail should wait a little.
    public var isBehind: Bool

    public init(isBehind: Bool) { self.isBehind = isBehind }

    public func encode(into writer: inout WireWriter) { writer.write(isBehind) }

    public init(from reader: inout WireReader) throws(WireError) { self.init(isBehind: try reader.bool()) }
}
