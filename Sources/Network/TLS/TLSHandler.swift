import COpenSSL
import NIOCore

/// What a `TLSHandler` reports as a user inbound event.
public enum TLSEvent: Sendable, Equatable {
    /// The handshake is complete; application data follows.
    case established(TLSSessionInfo)
    /// The handshake or the session failed. The handler closes the channel after this event.
    case failed(TLSFailure)
}

/// TLS on a channel: ciphertext towards the network, plaintext towards the application.
///
/// For STARTTLS, add it first in the pipeline after the plaintext `220` has been written (server) or read (client); the
/// application must throw away any plaintext that it had read before (RFC 3207 §4.2). Nothing written before
/// `TLSEvent.established` leaves in plaintext: it waits for the handshake.
public final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer
    public typealias OutboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    private enum State { case idle, handshaking, established, ended }

    private let ssl: OpaquePointer
    private let tls: TLSContext
    private let buffers: TLSBuffers
    private let handshakeTimeout: TimeAmount
    private let serverName: String
    private let peer: String
    private let verifiedNames: [String]
    private var state = State.idle
    private var timer: Scheduled<Void>?
    /// Writes from before the end of the handshake. Protocols that wait for the event write nothing here.
    private var waiting: [(ByteBuffer, EventLoopPromise<Void>?)] = []
    private var readIsWanted = false
    private var isDecrypting = false
    private var isLookingUp = false

    /// - Parameters:
    ///   - serverName: clients: SNI to send; empty for none.
    ///   - verifying: clients: names of which the certificate must have one; `.example.com` stands for all names below
    ///     it. The handshake goes on either way: look at `TLSSessionInfo.PeerCertificate`.
    ///   - dane: clients: TLSA records that decide instead of certification authorities.
    ///   - sessionKey: clients: names the destination whose sessions may be resumed; empty for none.
    ///   - sessionLifetime: seconds; the context's when nil.
    ///   - peer: servers: the client, for log lines about the name that it asks for.
    public init(
        context: TLSContext, serverName: String = "", verifying names: [String] = [], dane: DANEPolicy? = nil,
        sessionKey: String = "", sessionLifetime: Int? = nil, peer: String = "",
        handshakeTimeout: TimeAmount = .seconds(300)
    ) throws(TLSConfigurationError) {
        LibraryErrors.discard()
        let buffers = TLSBuffers()
        guard let ssl = SSL_new(context.pointer), let bio = buffers.makeBIO() else {
            throw TLSConfigurationError("Could not allocate 'TLScontext->con'", libraryErrors: LibraryErrors.take())
        }
        SSL_set_bio(ssl, bio, bio)
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(buffers).toOpaque())
        if context.settings.role == .server {
            SSL_set_accept_state(ssl)
            buffers.ticketKeys = context.ticketKeys
            buffers.ticketCipher = context.settings.ticketCipher
        } else {
            SSL_set_connect_state(ssl)
            if !serverName.isEmpty { _ = apus_set_host_name(ssl, serverName) }
            for name in names { SSL_add1_host(ssl, name) }
            dane?.apply(to: ssl)
            if !sessionKey.isEmpty {
                buffers.sessionCache = context.clientSessions
                buffers.sessionKey = sessionKey
                context.clientSessions.apply(
                    to: ssl, for: sessionKey, lifetime: sessionLifetime ?? context.settings.sessionTimeout)
            }
        }
        self.ssl = ssl
        self.tls = context
        self.buffers = buffers
        self.serverName = serverName
        self.peer = peer
        verifiedNames = names
        self.handshakeTimeout = handshakeTimeout
    }

    deinit { SSL_free(ssl) }

    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        failWaiting(ChannelError.ioOnClosedChannel)
    }

    public func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    public func channelInactive(context: ChannelHandlerContext) {
        buffers.inputEnded = true
        if state == .handshaking {
            fail(.init(kind: .lostConnection, duringHandshake: true, libraryErrors: []), context)
        }
        // A peer that closes without close_notify has not spoilt the session: OpenSSL would forbid to resume it.
        if state == .established { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        state = .ended
        timer?.cancel()
        failWaiting(ChannelError.ioOnClosedChannel)
        context.fireChannelInactive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .ended else { return }
        var bytes = unwrapInboundIn(data)
        if buffers.input.readableBytes == 0 {
            buffers.input = bytes
        } else {
            buffers.input.writeBuffer(&bytes)
        }
        process(context)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // A read that gave only a part of a record would otherwise leave a channel without autoRead waiting.
        if readIsWanted { context.read() }
    }

    public func read(context: ChannelHandlerContext) {
        readIsWanted = true
        context.read()
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        switch state {
        case .established: encrypt(bytes, promise, context)
        case .ended: promise?.fail(ChannelError.ioOnClosedChannel)
        case .idle, .handshaking: waiting.append((bytes, promise))
        }
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if state == .established, mode != .input {
            // close_notify, without waiting for the peer's (tls_fast_shutdown_enable).
            LibraryErrors.discard()
            _ = SSL_shutdown(ssl)
            LibraryErrors.discard()
            flushOutput(context)
        }
        if mode != .input {
            state = .ended
            timer?.cancel()
            failWaiting(ChannelError.ioOnClosedChannel)
        }
        context.close(mode: mode, promise: promise)
    }

    private func start(_ context: ChannelHandlerContext) {
        guard state == .idle else { return }
        state = .handshaking
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: handshakeTimeout) {
            let (handler, context) = bound.value
            guard handler.state == .handshaking else { return }
            handler.fail(.init(kind: .timedOut, duringHandshake: true, libraryErrors: []), context)
        }
        process(context)
        if state == .handshaking { context.read() }
    }

    private func process(_ context: ChannelHandlerContext) {
        if state == .handshaking { handshake(context) }
        if state == .established { decrypt(context) }
        if buffers.input.readableBytes == 0 { buffers.input = ByteBuffer() }
    }

    private func handshake(_ context: ChannelHandlerContext) {
        LibraryErrors.discard()
        let result = SSL_do_handshake(ssl)
        let error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result)
        if error == SSL_ERROR_WANT_CLIENT_HELLO_CB { return lookUpName(context) }
        let texts = result == 1 || error == SSL_ERROR_WANT_READ ? [] : LibraryErrors.take()
        flushOutput(context)
        guard result == 1 else {
            guard error != SSL_ERROR_WANT_READ else {
                context.read()
                return
            }
            fail(.init(kind: .protocolError(Int(result)), duringHandshake: true, libraryErrors: texts), context)
            return
        }
        timer?.cancel()
        timer = nil
        state = .established
        let info = SessionDetails(
            ssl: ssl, settings: tls.settings, serverName: agreedName, verifiedNames: verifiedNames
        ).info
        context.fireUserInboundEventTriggered(TLSEvent.established(info))
        let writes = waiting
        waiting = []
        for (bytes, promise) in writes { write(context: context, data: wrapOutboundOut(bytes), promise: promise) }
        if !writes.isEmpty { context.flush() }
    }

    /// A client's wish, or what a server had a certificate for.
    private var agreedName: String {
        if tls.settings.role == .client { return serverName }
        guard case .answered(.some) = buffers.nameLookup, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
        else { return "" }
        return String(cString: name)
    }

    private func lookUpName(_ context: ChannelHandlerContext) {
        guard !isLookingUp, case .asked(let name) = buffers.nameLookup, let names = tls.serverNames else { return }
        isLookingUp = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (loop, peer) = (context.eventLoop, peer)
        Task {
            let found = await names.context(for: name, peer: peer)
            loop.execute {
                let (handler, context) = bound.value
                handler.isLookingUp = false
                handler.buffers.nameLookup = .answered(found)
                if handler.state == .handshaking { handler.process(context) }
            }
        }
    }

    private func decrypt(_ context: ChannelHandlerContext) {
        // Firing reads may come back here (a handler that reads or closes): the outer loop goes on.
        guard !isDecrypting else { return }
        isDecrypting = true
        defer { isDecrypting = false }
        while state == .established {
            LibraryErrors.discard()
            var plain = context.channel.allocator.buffer(
                capacity: min(max(buffers.input.readableBytes, Int(SSL_pending(ssl)), 256), 16 * 1024))
            var result: CInt = 0
            _ = plain.writeWithUnsafeMutableBytes(minimumWritableBytes: 256) { target in
                result = SSL_read(ssl, target.baseAddress, CInt(clamping: target.count))
                return max(Int(result), 0)
            }
            if result > 0 {
                flushOutput(context)
                readIsWanted = false
                context.fireChannelRead(wrapInboundOut(plain))
                continue
            }
            let error = SSL_get_error(ssl, result)
            flushOutput(context)
            switch error {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
                return
            case SSL_ERROR_ZERO_RETURN:
                // The peer said good-bye: answer in kind and close.
                context.channel.close(promise: nil)
                return
            default:
                let texts = LibraryErrors.take()
                fail(.init(kind: .protocolError(Int(result)), duringHandshake: false, libraryErrors: texts), context)
                return
            }
        }
    }

    private func encrypt(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        LibraryErrors.discard()
        var failed: CInt?
        bytes.withUnsafeReadableBytes { source in
            var rest = source[...]
            while !rest.isEmpty {
                let chunk = UnsafeRawBufferPointer(rebasing: rest)
                let written = SSL_write(ssl, chunk.baseAddress, CInt(clamping: chunk.count))
                guard written > 0 else {
                    failed = written
                    return
                }
                rest = rest.dropFirst(Int(written))
            }
        }
        if let failed {
            let texts = LibraryErrors.take()
            promise?.fail(ChannelError.ioOnClosedChannel)
            fail(.init(kind: .protocolError(Int(failed)), duringHandshake: false, libraryErrors: texts), context)
            return
        }
        let cipher = buffers.output
        buffers.output = ByteBuffer()
        context.write(wrapOutboundOut(cipher), promise: promise)
    }

    private func flushOutput(_ context: ChannelHandlerContext) {
        guard buffers.output.readableBytes > 0 else { return }
        let cipher = buffers.output
        buffers.output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(cipher), promise: nil)
    }

    private func fail(_ failure: TLSFailure, _ context: ChannelHandlerContext) {
        guard state != .ended else { return }
        state = .ended
        timer?.cancel()
        failWaiting(failure)
        context.fireUserInboundEventTriggered(TLSEvent.failed(failure))
        context.close(promise: nil)
    }

    private func failWaiting(_ error: any Error) {
        let writes = waiting
        waiting = []
        for (_, promise) in writes { promise?.fail(error) }
    }
}
