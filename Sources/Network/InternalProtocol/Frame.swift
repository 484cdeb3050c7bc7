import NIOCore

/// One unit on a connection: length (4 bytes, of what follows), request id (8), kind (1), payload.
/// Integers are big-endian. Request id 0 asks for no answer.
public struct Frame: Equatable, Sendable {
    /// From a server that drains: no further frame of this connection will be looked at. The payload counts those it
    /// has taken (8 bytes); their answers still come.
    public static let goodbyeKind: UInt8 = 253
    public static let replyKind: UInt8 = 254
    public static let failureKind: UInt8 = 255
    /// Longer frames are refused: nothing legitimate comes near (a request of 10,000 recipients is 2 MB).
    public static let maximumLength = 64 << 20

    public var id: UInt64
    public var kind: UInt8
    public var payload: ByteBuffer

    public init(id: UInt64, kind: UInt8, payload: ByteBuffer) {
        self.id = id
        self.kind = kind
        self.payload = payload
    }

    public func write(to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt32(clamping: 9 + payload.readableBytes))
        buffer.writeInteger(id)
        buffer.writeInteger(kind)
        buffer.writeImmutableBuffer(payload)
    }

    /// The next frame of `buffer`, or nil when it has not arrived completely.
    public static func read(from buffer: inout ByteBuffer) throws(WireError) -> Frame? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else { return nil }
        guard length >= 9, length <= maximumLength else { throw WireError("frame of \(length) bytes") }
        guard buffer.readableBytes >= 4 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let id = buffer.readInteger(as: UInt64.self), let kind = buffer.readInteger(as: UInt8.self),
            let payload = buffer.readSlice(length: Int(length) - 9)
        else { throw WireError("frame cut short") }
        return Frame(id: id, kind: kind, payload: payload)
    }
}

/// Splits a byte stream into frames.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = Frame

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let frame = try Frame.read(from: &buffer) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) throws -> DecodingState {
        try decode(context: context, buffer: &buffer)
    }
}
