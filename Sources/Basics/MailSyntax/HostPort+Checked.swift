extension HostPort {
    /// Why a text is no `host:port`.
    public struct Problem: Error, Equatable, Sendable {
        public let reason: String
    }

    /// Reads `host:port` as strictly as transport tables and inet endpoints want it: the host is a valid name or
    /// address, a port that starts with a digit is a number.
    public static func checked(_ text: String) throws(Problem) -> HostPort {
        let bytes = Array(text.utf8)
        var endpoint: HostPort
        if bytes.first == 0x5B {
            guard let close = bytes.firstIndex(of: 0x5D) else { throw Problem(reason: "missing \"]\"") }
            guard close + 1 == bytes.count || bytes[close + 1] == 0x3A else {
                throw Problem(reason: "garbage after \"]\"")
            }
            let inside = String(decoding: bytes[1..<close], as: UTF8.self)
            let isIPv6 = ASCII.hasPrefixIgnoringCase(inside, "ipv6:")
            let host = isIPv6 ? String(decoding: inside.utf8.dropFirst(5), as: UTF8.self) : inside
            if isIPv6, HostAddressText.ipv6Problem(host) != nil { throw Problem(reason: "malformed IPv6 address") }
            endpoint = HostPort(host: host, port: nonEmpty(bytes[(close + 1)...].dropFirst()), isBracketed: true)
        } else if let colon = bytes.lastIndex(of: 0x3A) {
            endpoint = HostPort(
                host: String(decoding: bytes[..<colon], as: UTF8.self), port: nonEmpty(bytes[(colon + 1)...]),
                isBracketed: false)
        } else {
            endpoint = HostPort(host: text, port: nil, isBracketed: false)
        }
        if endpoint.host.isEmpty, !endpoint.isBracketed { throw Problem(reason: "missing host information") }
        let isName = HostName.isValid(endpoint.host) || !ASCII.isASCII(endpoint.host)
        guard isName || HostAddressText.problem(endpoint.host) == nil else {
            throw Problem(reason: "valid hostname or network address required")
        }
        if let port = endpoint.port, let first = port.utf8.first, ASCII.isDigit(first),
            !port.utf8.allSatisfy(ASCII.isDigit)
        {
            throw Problem(reason: "garbage after numerical service")
        }
        return endpoint
    }

    private init(host: String, port: String?, isBracketed: Bool) {
        self.host = host
        self.port = port
        self.isBracketed = isBracketed
    }

    private static func nonEmpty(_ bytes: ArraySlice<UInt8>) -> String? {
        bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
