import Glibc
import InternalProtocol
import MailSystem
import NIOCore

/// A process' line to master.
public struct ProcessControl: Sendable {
    /// -1: there is no master (tests); reports go nowhere.
    public let socket: CInt

    public init(socket: CInt) { self.socket = socket }

    /// A table or key has changed: master starts a successor, then this process is told to drain.
    public func requestNewGeneration() { report(.wantsSuccessor) }

    public func report(_ report: ProcessReport) {
        guard socket >= 0 else { return }
        Self.send(report, over: socket)
    }

    /// Sends one frame; nobody at the other end is no error, the closed socket shows elsewhere.
    public static func send<R: InternalRequest>(_ request: R, descriptors: [CInt] = [], over socket: CInt) {
        var writer = WireWriter()
        request.encode(into: &writer)
        var buffer = ByteBuffer()
        Frame(id: 0, kind: R.kind, payload: writer.buffer).write(to: &buffer)
        var bytes = Array(buffer.readableBytesView)
        var attached = descriptors
        while !bytes.isEmpty {
            guard let sent = try? Descriptors.send(bytes, descriptors: attached, over: socket) else { return }
            bytes.removeFirst(sent)
            attached = []
        }
    }

    /// Decodes a frame's payload.
    public static func decode<R: InternalRequest>(_ type: R.Type, _ frame: Frame) -> R? {
        guard frame.kind == R.kind else { return nil }
        var reader = WireReader(frame.payload)
        return try? R(from: &reader)
    }
}

/// Frames read from a blocking or non-blocking control socket, with the descriptors that came along.
public struct ControlReader {
    public enum Event {
        case frame(Frame, descriptors: [CInt])
        /// Nothing more for now.
        case nothing
        case closed
    }

    private let socket: CInt
    private var buffer = ByteBuffer()
    private var descriptors: [CInt] = []

    public init(socket: CInt) { self.socket = socket }

    /// The next frame; reads the socket once when none is complete.
    public mutating func next() -> Event {
        if let event = buffered() { return event }
        let message: Descriptors.Message
        do {
            message = try Descriptors.receive(from: socket)
        } catch {
            return error.errno == EAGAIN ? .nothing : .closed
        }
        if message.bytes.isEmpty { return .closed }
        buffer.writeBytes(message.bytes)
        descriptors += message.descriptors
        return buffered() ?? .nothing
    }

    private mutating func buffered() -> Event? {
        do {
            guard let frame = try Frame.read(from: &buffer) else { return nil }
            defer { descriptors = [] }
            return .frame(frame, descriptors: descriptors)
        } catch {
            return .closed
        }
    }
}
