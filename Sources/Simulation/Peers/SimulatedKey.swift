import CSimulation
import MailSystem

/// The key and certificate of everybody in the simulated world: it keeps nothing secret.
enum SimulatedKey {
    static let pair = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIAk/1Y9n26U8dvokjFFIKhLdLlXCxJaFBm8qI9ypCoIP
        -----END PRIVATE KEY-----
        -----BEGIN CERTIFICATE-----
        MIIBTzCCAQGgAwIBAgIUCg/h+1shpRHvKozt1tfcOeE5EZYwBQYDK2VwMBwxGjAY
        BgNVBAMMEXNpbXVsYXRlZC5leGFtcGxlMCAXDTI2MTEyOTA5MzExMVoYDzIxMjYx
        MTA1MDkzMTExWjAcMRowGAYDVQQDDBFzaW11bGF0ZWQuZXhhbXBsZTAqMAUGAytl
        cAMhAOQSw5ux9gz4wNIrxnEI/N9Elez2cO4qRSbSZEP43eS7o1MwUTAdBgNVHQ4E
        FgQUXcfrnYfBPUaSSoT6ldm9fP+c8WgwHwYDVR0jBBgwFoAUXcfrnYfBPUaSSoT6
        ldm9fP+c8WgwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQB5lDpHRnuNlJWzjwVs
        a9J0NEtQfRL3h/BJCYcFRyzovNY9UHVX848rhIGeFoXFTmVC+jpjY4eZ9qNrtjmC
        TgcP
        -----END CERTIFICATE-----
        """

    /// A path that OpenSSL can read the pair from, as long as this process lives.
    static func file() throws -> String {
        let descriptor = simulation_memory_file()
        guard descriptor >= 0 else { throw SystemError("create", path: "a file in memory") }
        try Descriptors.writeAll(Array("\(pair)\n".utf8), to: descriptor)
        return "/proc/self/fd/\(descriptor)"
    }
}
