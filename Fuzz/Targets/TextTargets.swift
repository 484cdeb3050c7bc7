import MailSyntax

extension FuzzTarget {
    /// xtext, base64, hexadecimal, netstrings, enhanced status codes, header values of DSN parameters.
    static let textCodecs = FuzzTarget("text-codecs") { input in
        let text = String(decoding: input, as: UTF8.self)
        require(XText.decode(XText.encode(text)) == text, "xtext: \(text)")
        require(XText.encode(text).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "xtext is printable")
        require(XText.decode(XText.encodeUTF8(text)) == text, "utf-8 xtext: \(text)")
        if let decoded = XText.decode(text) {
            require(XText.decode(XText.encode(decoded)) == decoded, "xtext again: \(text)")
        }
        require(Base64.decode(Base64.encode(input)) == input, "base64")
        if let decoded = Base64.decode(input) {
            require(Base64.encode(decoded).utf8.count <= input.count + 3, "base64")
        }
        require(Hex.decode(Hex.encode(input)) == input, "hexadecimal")
        require(
            NetString.decode(NetString.encode(input), limit: input.count)
                == .complete(payload: input, consumed: NetString.encode(input).count), "netstring")
        if case .complete(let payload, let consumed) = NetString.decode(input, limit: 100) {
            require(payload.count <= 100 && consumed <= input.count, "netstring limits")
        }
        if let status = EnhancedStatus(text) { require(EnhancedStatus(status.description) == status, "status") }
        if let (status, rest) = EnhancedStatus.split(text) {
            require(rest.utf8.count + status.description.utf8.count <= text.utf8.count, "status and text")
        }
        if let delimiters = VERPDelimiters(text) { _ = delimiters.sender("a@b", for: text) }
        require(!JSONText.string(text).utf8.contains { $0 < 0x20 }, "JSON")
        _ = TimeValue.seconds(text)
    }

    static let networkAddresses = FuzzTarget("network-addresses") { input in
        let text = String(decoding: input, as: UTF8.self)
        if let address = IPAddress(text) {
            require(IPAddress(address.description) == address, "address: \(text)")
            require(IPAddress(bytes: address.bytes) == address, "bytes: \(text)")
        }
        if let network = IPNetwork(text) {
            require(IPNetwork(network.description) == network, "network: \(text)")
            require(network.contains(network.base), "a network contains its base: \(text)")
        }
        if let literal = IPAddress.literal(text) { require(IPAddress("\(literal)") == literal, "literal") }
        if HostName.isValid(text) { require(text.utf8.count <= 255 && !text.utf8.contains(0x20), "host name") }
        _ = HostName.isValidLiteral(text)
        _ = HostName.isValidMailAddressLiteral(text)
        _ = HostPort(text)
    }

    /// Attribute lists of policy servers, showq, flush, postdrop.
    static let attributeLists = FuzzTarget("attribute-lists") { input in
        for form in [AttributeCodec.Form.null, .plain] {
            guard case .complete(let list, let consumed) = AttributeCodec.decode(input, as: form, limit: 1000) else {
                continue
            }
            require(consumed <= 1000 + 1 && consumed <= input.count, "the limit")
            // What would end an attribute early is replaced.
            guard !input.prefix(consumed).contains(0) || form == .null else { continue }
            let encoded = AttributeCodec.encode(list, as: form)
            require(
                AttributeCodec.decode(encoded, as: form) == .complete(list, consumed: encoded.count),
                "decode(encode(x))")
        }
    }
}
