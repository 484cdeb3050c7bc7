import MailSyntax

/// `net/mask` as cidr tables and match lists write it, with Postfix's complaints about what is not one.
struct CIDRPattern {
    let network: IPNetwork

    init(_ text: String) throws(TableOpenError) {
        let bytes = Array(text.utf8)
        var address = bytes[...]
        // As messages have it: without brackets.
        var shown = text
        var mask: ArraySlice<UInt8>?
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                throw TableOpenError("missing ']' character after \"\(text)\"")
            }
            address = bytes[1..<close]
            shown = (address + bytes[(close + 1)...]).shown
            switch bytes[(close + 1)...].first {
            case nil: break
            case UInt8(ascii: "/"): mask = bytes[(close + 2)...]
            default: throw TableOpenError("garbage after \"\(bytes[...close].shown)\"")
            }
        }
        if mask == nil, let slash = address.firstIndex(of: UInt8(ascii: "/")) {
            mask = address[(slash + 1)...]
            address = address[..<slash]
        }
        let parsed = IPAddress(address.text)
        guard let mask else {
            guard let parsed else { throw TableOpenError("bad address pattern: \"\(shown)\"") }
            network = IPNetwork(base: parsed, prefixLength: parsed.bytes.count * 8)
            return
        }
        guard !mask.isEmpty, mask.allSatisfy({ ASCII.isDigit($0) }) else {
            throw TableOpenError("bad mask value in \"\(shown)\"")
        }
        // Too large a number is too long a mask. What has colons has 128 bits, whatever else is wrong with it.
        let bits = address.contains(UInt8(ascii: ":")) ? 128 : 32
        guard let length = ASCII.decimal(mask), length <= bits else {
            throw TableOpenError("bad mask length in \"\(shown)\"")
        }
        guard let parsed, parsed.bytes.count * 8 == bits else {
            throw TableOpenError("bad network value in \"\(shown)\"")
        }
        network = IPNetwork(base: parsed, prefixLength: length)
        guard network.base == parsed else {
            throw TableOpenError(
                "non-null host address bits in \"\(shown)\", perhaps you should use \"\(network)\" instead")
        }
    }
}
