import MailSyntax

/// What an address lookup found.
public struct AddressMatch: Equatable, Sendable {
    public let value: String
    /// The address extension that was not part of the matching key, with its delimiter (`+ext`).
    public let unmatchedExtension: String?

    public init(value: String, unmatchedExtension: String? = nil) {
        self.value = value
        self.unmatchedExtension = unmatchedExtension
    }
}

/// Looks an address up under its full form and its parts (virtual(5), canonical(5), access(5), transport(5)).
public struct AddressLookup: Sendable {
    /// The keys to try, always in this order.
    public struct Strategy: OptionSet, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// user+ext@domain
        public static let full = Strategy(rawValue: 1 << 0)
        /// user@domain
        public static let withoutExtension = Strategy(rawValue: 1 << 1)
        /// user+ext, user: when the domain is this system's.
        public static let localPartIfLocal = Strategy(rawValue: 1 << 2)
        /// user+ext@, user@: when the domain is this system's.
        public static let localPartAtIfLocal = Strategy(rawValue: 1 << 3)
        /// @domain
        public static let atDomain = Strategy(rawValue: 1 << 4)
        /// domain
        public static let domain = Strategy(rawValue: 1 << 5)
        /// With `domain`: each parent domain, as `parent_domain_matches_subdomains` asks.
        public static let parents = Strategy(rawValue: 1 << 6)
        /// With `domain`: each parent domain with a leading dot.
        public static let dottedParents = Strategy(rawValue: 1 << 7)
        /// user+ext@, user@
        public static let localPartAt = Strategy(rawValue: 1 << 8)

        /// canonical(5) and virtual(5).
        public static let standard: Strategy = [.full, .withoutExtension, .localPartIfLocal, .atDomain]

        /// access(5), with the parents as `smtpd_access_maps` in `parent_domain_matches_subdomains` says.
        public static func access(parentsMatch: Bool) -> Strategy {
            [.full, .withoutExtension, .domain, parentsMatch ? .parents : .dottedParents, .localPartAt]
        }

        /// transport(5), with the parents as `transport_maps` in `parent_domain_matches_subdomains` says.
        public static func transport(parentsMatch: Bool) -> Strategy {
            [.full, .withoutExtension, .domain, parentsMatch ? .parents : .dottedParents]
        }
    }

    /// The form of the addresses in the keys.
    public enum KeyForm: Sendable {
        case quoted, unquoted
        /// Quoted as RFC 5321 requires, then unquoted as old tables have it.
        case quotedFirst
        case unquotedFirst
    }

    private let maps: Maps
    private let delimiters: String
    private let strategy: Strategy
    private let form: KeyForm
    private let isLocal: @Sendable (String) async throws(LookupError) -> Bool

    /// - Parameters:
    ///   - delimiters: `recipient_delimiter`.
    ///   - isLocal: whether a domain is `$myorigin`, in `$mydestination`, or this system's address literal.
    public init(
        maps: Maps, delimiters: String, strategy: Strategy = .standard, form: KeyForm = .quotedFirst,
        isLocal: @escaping @Sendable (String) async throws(LookupError) -> Bool = { _ throws(LookupError) in false }
    ) {
        self.maps = maps
        self.delimiters = delimiters
        self.strategy = strategy
        self.form = form
        self.isLocal = isLocal
    }

    /// - Parameter address: in internal form.
    public static func find(
        maps: Maps, address: String, delimiters: String, strategy: Strategy = .standard,
        isLocal: @escaping @Sendable (String) async throws(LookupError) -> Bool = { _ throws(LookupError) in false }
    ) async throws(LookupError) -> AddressMatch? {
        try await AddressLookup(maps: maps, delimiters: delimiters, strategy: strategy, isLocal: isLocal).find(address)
    }

    /// - Parameter address: in internal form.
    public func find(_ address: String) async throws(LookupError) -> AddressMatch? {
        if maps.isEmpty || address.isEmpty { return nil }
        let (local, domain) = EmailAddress.split(address)
        let tail = EmailAddress.splitTail(local, delimiters: delimiters)
        let bare = tail?.user

        if strategy.contains(.full), let value = try await query(local, domain.map { "@\($0)" } ?? "", partial: false) {
            return AddressMatch(value: value)
        }
        if strategy.contains(.withoutExtension), let bare,
            let value = try await query(bare, domain.map { "@\($0)" } ?? "", partial: true)
        {
            return AddressMatch(value: value, unmatchedExtension: tail?.tail)
        }
        guard let domain else { return nil }
        if !strategy.isDisjoint(with: [.localPartIfLocal, .localPartAtIfLocal]), try await isLocal(domain) {
            if strategy.contains(.localPartIfLocal),
                let match = try await queryLocalPart(local, tail, suffix: "")
            {
                return match
            }
            if strategy.contains(.localPartAtIfLocal),
                let match = try await queryLocalPart(local, tail, suffix: "@")
            {
                return match
            }
        }
        if strategy.contains(.atDomain), let value = try await maps.find("@\(domain)", partial: true) {
            // A catch-all takes no extension along, as Postfix does it.
            return AddressMatch(value: value)
        }
        if strategy.contains(.domain), let value = try await queryDomain(domain) {
            return AddressMatch(value: value)
        }
        if strategy.contains(.localPartAt) { return try await queryLocalPart(local, tail, suffix: "@") }
        return nil
    }

    private func queryLocalPart(
        _ local: String, _ tail: (user: String, tail: String)?, suffix: String
    ) async throws(LookupError) -> AddressMatch? {
        if let value = try await query(local, suffix, partial: true) { return AddressMatch(value: value) }
        guard let tail, let value = try await query(tail.user, suffix, partial: true) else { return nil }
        return AddressMatch(value: value, unmatchedExtension: tail.tail)
    }

    private func queryDomain(_ domain: String) async throws(LookupError) -> String? {
        if let value = try await maps.find(domain, partial: true) { return value }
        guard strategy.contains(.parents) || strategy.contains(.dottedParents) else { return nil }
        for parent in ParentDomains(of: domain, dotted: strategy.contains(.dottedParents)) {
            if let value = try await maps.find(parent, partial: true) { return value }
        }
        return nil
    }

    /// Asks for `local` + `rest` in the wanted forms.
    private func query(_ local: String, _ rest: String, partial: Bool) async throws(LookupError) -> String? {
        let unquoted = local + rest
        let quoted = EmailAddress.quotedLocalPart(local) + rest
        let keys: [String]
        switch form {
        case .quoted: keys = [quoted]
        case .unquoted: keys = [unquoted]
        case .quotedFirst: keys = [quoted, unquoted]
        case .unquotedFirst: keys = [unquoted, quoted]
        }
        for (index, key) in keys.enumerated() where index == 0 || quoted != unquoted {
            if let value = try await maps.find(key, partial: partial) { return value }
        }
        return nil
    }
}

extension EmailAddress {
    /// A local part as it stands before `@`, quoted where it must be.
    static func quotedLocalPart(_ local: String) -> String {
        let address = quoted("\(local)@x")
        return String(decoding: address.utf8.dropLast(2), as: UTF8.self)
    }
}
