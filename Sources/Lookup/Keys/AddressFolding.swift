import MailSyntax

/// Which parts of an address do not depend on case.
public struct AddressFolding: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let domain = AddressFolding(rawValue: 1)
    public static let localPart = AddressFolding(rawValue: 2)
    public static let all: AddressFolding = [.domain, .localPart]

    /// - Parameters:
    ///   - address: `local@domain`; without `@`, or with nothing behind it, a local part.
    ///   - utf8: fold all of Unicode where the part is valid UTF-8.
    public func fold(_ address: [UInt8], utf8: Bool) -> [UInt8] {
        let at = address.lastIndex(of: 0x40) ?? address.count
        let local = Array(address[..<at])
        let domain = Array(address[at...])
        return (contains(.localPart) ? CaseFolding.fold(local, utf8: utf8) : local)
            + (contains(.domain) ? CaseFolding.fold(domain, utf8: utf8) : domain)
    }
}
