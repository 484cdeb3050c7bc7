import COpenSSL
import NIOCore

/// The two byte queues between OpenSSL and the channel, and the BIO that reads and writes them. A BIO of our own instead of
/// OpenSSL's memory BIOs: those keep the largest buffer they ever had, these give it back when they are empty.
final class TLSBuffers {
    /// Bytes from the network that OpenSSL has not read.
    var input = ByteBuffer()
    /// Bytes from OpenSSL for the network.
    var output = ByteBuffer()
    /// The peer has closed its side.
    var inputEnded = false
    /// Where a client's new session goes.
    var sessionCache: ClientSessionCache?
    var sessionKey = ""

    /// Servers: what session tickets are made with.
    var ticketKeys: TicketKeyring?
    var ticketCipher = ""
    /// Servers: where the search for the context of the name that the client asks for stands.
    var nameLookup = NameLookup.notAsked

    enum NameLookup {
        case notAsked
        case asked(String)
        /// Nil: the server's own.
        case answered(TLSContext?)
    }

    func remember(_ session: OpaquePointer) -> Bool {
        guard let sessionCache else { return false }
        sessionCache.store(session, for: sessionKey)
        return true
    }

    /// A new BIO on these buffers, which must outlive it.
    func makeBIO() -> OpaquePointer? {
        guard let method = Self.method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    private func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(target.count, input.readableBytes)
        guard count > 0 else { return 0 }
        input.readWithUnsafeReadableBytes { source in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
            return count
        }
        return count
    }

    private static func buffers(of bio: OpaquePointer) -> TLSBuffers? {
        guard let data = BIO_get_data(bio) else { return nil }
        return Unmanaged<TLSBuffers>.fromOpaque(data).takeUnretainedValue()
    }

    // Written once, then only read by OpenSSL.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ByteBuffer") else { return nil }
        BIO_meth_set_read(method) { bio, target, count in
            guard let bio, let target, count > 0, let buffers = TLSBuffers.buffers(of: bio) else { return -1 }
            apus_bio_clear_retry(bio)
            let copied = buffers.read(into: UnsafeMutableRawBufferPointer(start: target, count: Int(count)))
            if copied > 0 { return CInt(copied) }
            if buffers.inputEnded { return 0 }
            apus_bio_retry_read(bio)
            return -1
        }
        BIO_meth_set_write(method) { bio, source, count in
            guard let bio, let source, count >= 0, let buffers = TLSBuffers.buffers(of: bio) else { return -1 }
            apus_bio_clear_retry(bio)
            buffers.output.writeBytes(UnsafeRawBufferPointer(start: source, count: Int(count)))
            return count
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        BIO_meth_set_create(method) { _ in 1 }
        BIO_meth_set_destroy(method) { _ in 1 }
        return method
    }()
}
