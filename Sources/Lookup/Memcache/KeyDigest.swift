/// `key_digest` of memcache_table(5), Postfix 3.11: keys that memcached would refuse for their length or their octets
/// become digests of themselves.
struct KeyDigest: Sendable {
    private let algorithm: Handle
    private let compute:
        @convention(c) @Sendable (
            UnsafeRawPointer?, Int, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<CUnsignedInt>, OpaquePointer,
            OpaquePointer?
        ) -> CInt

    /// EVP_MAX_MD_SIZE
    private static let maximumSize = 64

    /// `@unchecked Sendable`: an algorithm of libcrypto is a constant.
    private struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// - Parameter name: as OpenSSL has it: `sha256`.
    /// - Throws: OpenSSL does not know it, or is not installed.
    init(_ name: String) throws(TableOpenError) {
        let library = try SharedLibrary("libcrypto.so.3", type: "memcache with key_digest", package: "libssl3")
        let byName: @convention(c) (UnsafePointer<CChar>) -> OpaquePointer? =
            try library.function("EVP_get_digestbyname")
        compute = try library.function("EVP_Digest")
        guard let found = byName(name) else { throw TableOpenError("key_digest: unknown digest algorithm: \(name)") }
        algorithm = Handle(pointer: found)
    }

    /// Two hexadecimal digits an octet; nil when libcrypto refuses.
    func callAsFunction(_ key: [UInt8]) -> [UInt8]? {
        var count: CUnsignedInt = 0
        var failed = false
        let digest = [UInt8](unsafeUninitializedCapacity: Self.maximumSize) { buffer, size in
            guard let target = buffer.baseAddress else { return }
            failed = compute(key, key.count, target, &count, algorithm.pointer, nil) != 1
            size = failed ? 0 : min(Int(count), Self.maximumSize)
        }
        if failed { return nil }
        let digits = Array("0123456789abcdef".utf8)
        return digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
