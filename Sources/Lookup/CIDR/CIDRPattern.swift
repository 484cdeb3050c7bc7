import MailSyntax

/// `net/mask` as cidr tables and match lists write it, with Postfix's complaints about what is not one.
struct CIDRPattern {
    let network: IPNetwork

    init(_ text: String) throws(TableOpenError) {
        let bytes = Array(text.utf8)
        var address = bytes[...]
        var mask: ArraySlice<UInt8>?
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                throw TableOpenError("missing ']' character after \"\(text)\"")
            }
            address = bytes[1..<close]
            switch bytes[(close + 1)...].first {
            case nil: break
            case UInt8(ascii: "/"): mask = bytes[(close + 2)...]
            default: throw TableOpenError("garbage after \"\(bytes[...close].text)\"")
            }
        }
        if mask == nil, let slash = address.firstIndex(of: UInt8(ascii: "/")) {
            mask = address[(slash + 1)...]
            address = address[..<slash]
        }
        let parsed = IPAddress(address.text)
        guard let mask else {
            guard let parsed else { throw TableOpenError("bad address pattern: \"\(text)\"") }
            network = IPNetwork(base: parsed, prefixLength: parsed.bytes.count * 8)
            return
        }
        guard let length = ASCII.decimal(mask) else { throw TableOpenError("bad mask value in \"\(text)\"") }
        guard let parsed else { throw TableOpenError("bad network value in \"\(text)\"") }
        guard length <= parsed.bytes.count * 8 else { throw TableOpenError("bad mask length in \"\(text)\"") }
        network = IPNetwork(base: parsed, prefixLength: length)
        guard network.base == parsed else {
            throw TableOpenError(
                "non-null host address bits in \"\(text)\", perhaps you should use \"\(network)\" instead")
        }
    }
}
