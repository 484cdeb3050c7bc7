import Glibc
import NIOCore

/// A channel over a simulated connection, or a listening one.
final class SimulatedChannel: Channel, @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    let eventLoop: any EventLoop
    let owner: SimulatedProcess
    let core: SimulatedChannelCore
    let allocator = ByteBufferAllocator()
    let localAddress: SocketAddress?
    let remoteAddress: SocketAddress?
    let parent: (any Channel)? = nil
    private let closePromise: EventLoopPromise<Void>
    private lazy var thePipeline = ChannelPipeline(channel: self)

    init(_ owner: SimulatedProcess, local: SocketAddress?, remote: SocketAddress?) {
        self.owner = owner
        eventLoop = owner.loop
        localAddress = local
        remoteAddress = remote
        core = SimulatedChannelCore(owner)
        closePromise = owner.loop.makePromise()
        core.channel = self
    }

    var pipeline: ChannelPipeline { thePipeline }
    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
    var isWritable: Bool { true }
    var isActive: Bool { core.isActive }
    var _channelCore: any ChannelCore { core }

    func closed() { closePromise.succeed() }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        if eventLoop.inEventLoop {
            core.set(option, value)
            return eventLoop.makeSucceededVoidFuture()
        }
        let core = core
        return eventLoop.submit { core.set(option, value) }
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    var syncOptions: (any NIOSynchronousChannelOptions)? { Options(core: core) }

    struct Options: NIOSynchronousChannelOptions {
        let core: SimulatedChannelCore

        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws { core.set(option, value) }

        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            throw ChannelError.operationUnsupported
        }
    }
}

final class SimulatedChannelCore: ChannelCore, ConnectionEnd, @unchecked Sendable {
    // Unchecked: belongs to one world, which one thread runs.
    private let owner: SimulatedProcess
    /// Holds its channel until the end of the run.
    private var itsChannel: SimulatedChannel?
    var channel: SimulatedChannel {
        get {
            guard let itsChannel else { fatalError("a channel core without its channel") }
            return itsChannel
        }
        set { itsChannel = newValue }
    }
    var connection: Connection?
    private(set) var isActive = false
    private var isOpen = true
    private var readsByItself = true
    var allowsHalfClosure = false
    private var wantsRead = false
    private var inbound: [[UInt8]] = []
    private var inputHasEnded = false
    private var toldOfEnd = false
    private var outbound: [([UInt8], EventLoopPromise<Void>?)] = []
    /// Of a listening channel.
    var onClose: (() -> Void)?

    init(_ owner: SimulatedProcess) { self.owner = owner }

    var process: SimulatedProcess? { owner }

    func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) {
        if option is ChannelOptions.Types.AutoReadOption, let value = value as? Bool {
            readsByItself = value
            if value { owner.loop.execute { [self] in deliver() } }
        }
        if option is ChannelOptions.Types.AllowRemoteHalfClosureOption, let value = value as? Bool {
            allowsHalfClosure = value
        }
    }

    // MARK: from the network

    func received(_ bytes: [UInt8]) -> Bool {
        owner.loop.execute { [self] in
            inbound.append(bytes)
            deliver()
        }
        return isOpen
    }

    func receivedEnd() {
        owner.loop.execute { [self] in
            inputHasEnded = true
            deliver()
        }
    }

    func wasReset() {
        owner.loop.execute { [self] in
            guard isOpen else { return }
            connection = nil
            channel.pipeline.syncOperations.fireErrorCaught(IOError(errnoCode: ECONNRESET, reason: "read"))
            close(ChannelError.eof)
        }
    }

    /// Hands over what has come, as far as it is wanted.
    private func deliver() {
        while isActive, isOpen, readsByItself || wantsRead, !inbound.isEmpty {
            wantsRead = false
            let bytes = inbound.removeFirst()
            channel.pipeline.syncOperations.fireChannelRead(NIOAny(ByteBuffer(bytes: bytes)))
            channel.pipeline.syncOperations.fireChannelReadComplete()
        }
        guard inputHasEnded, isOpen, isActive, inbound.isEmpty, !toldOfEnd, readsByItself || wantsRead else { return }
        toldOfEnd = true
        if allowsHalfClosure {
            channel.pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        } else {
            close(ChannelError.eof)
        }
    }

    // MARK: ChannelCore

    func activate() {
        guard isOpen else { return }
        isActive = true
        channel.pipeline.syncOperations.fireChannelRegistered()
        channel.pipeline.syncOperations.fireChannelActive()
        deliver()
    }

    func localAddress0() throws -> SocketAddress {
        guard let address = channel.localAddress else { throw ChannelError.operationUnsupported }
        return address
    }

    func remoteAddress0() throws -> SocketAddress {
        guard let address = channel.remoteAddress else { throw ChannelError.operationUnsupported }
        return address
    }

    func register0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.succeed() }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer: ByteBuffer = unwrapData(data)
        outbound.append((Array(buffer.readableBytesView), promise))
    }

    func flush0() {
        let pending = outbound
        outbound = []
        for (bytes, promise) in pending {
            guard isOpen, let connection, !connection.isDead else {
                promise?.fail(ChannelError.ioOnClosedChannel)
                continue
            }
            connection.send(bytes, from: self)
            promise?.succeed()
        }
    }

    func read0() {
        wantsRead = true
        deliver()
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard isOpen else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        if mode == .output {
            connection?.end(from: self)
            promise?.succeed()
            return
        }
        close(error)
        promise?.succeed()
    }

    private func close(_ error: any Error) {
        guard isOpen else { return }
        isOpen = false
        let wasActive = isActive
        isActive = false
        connection?.end(from: self)
        for (_, promise) in outbound { promise?.fail(error) }
        outbound = []
        onClose?()
        if wasActive { channel.pipeline.syncOperations.fireChannelInactive() }
        channel.pipeline.syncOperations.fireChannelUnregistered()
        let channel = channel
        owner.loop.execute { [self] in
            removeHandlers(pipeline: channel.pipeline)
            channel.closed()
        }
    }

    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func channelRead0(_ data: NIOAny) {}

    func errorCaught0(error: any Error) {}
}
