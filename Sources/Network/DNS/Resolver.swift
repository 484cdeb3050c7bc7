import MailSyntax

/// DNS record types that mail needs.
public enum RecordType: UInt16, Sendable, Hashable, CaseIterable {
    case a = 1
    case ns = 2
    case cname = 5
    case soa = 6
    case ptr = 12
    case mx = 15
    case txt = 16
    case aaaa = 28
    case srv = 33
    case tlsa = 52
}

/// One record, decoded.
public enum RecordData: Sendable, Equatable {
    case a(IPAddress)
    case aaaa(IPAddress)
    case mx(preference: UInt16, host: String)
    /// cname, ns, ptr: a domain name without the final dot.
    case name(String)
    /// The character strings of a TXT record, joined.
    case text(String)
    case srv(priority: UInt16, weight: UInt16, port: UInt16, host: String)
    case tlsa(usage: UInt8, selector: UInt8, matching: UInt8, data: [UInt8])
    case soa(ZoneTimes)
}

/// The numbers of an SOA record (RFC 1035 §3.3.13), seconds but for the serial.
public struct ZoneTimes: Sendable, Equatable {
    public var serial: UInt32
    public var refresh: UInt32
    public var retry: UInt32
    public var expire: UInt32
    public var minimum: UInt32

    public init(serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32, minimum: UInt32) {
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum
    }
}

public struct DNSRecord: Sendable, Equatable {
    public var data: RecordData
    public var timeToLive: Int

    public init(data: RecordData, timeToLive: Int) {
        self.data = data
        self.timeToLive = timeToLive
    }
}

/// What a query gave. A name without records of the type is `noData`; they are answers, not errors.
public enum DNSAnswer: Sendable, Equatable {
    case records([DNSRecord], secure: Bool)
    /// NXDOMAIN: `Host not found`
    case noSuchDomain
    /// The name exists without records of this type: `Host found but no data record of requested type`
    case noData
    /// SERVFAIL, time-out, no server: `Host not found, try again`. The text says why.
    case temporaryFailure(String)
    /// A reply that can't be used (malformed names …)
    case malformed(String)
    /// A DNS reply filter dropped every record.
    case filtered
    /// A DNS reply filter does not work: its table cannot answer, or answers nonsense. It has been logged.
    case filterFailure

    /// Why a query has no usable answer, nil for an answer.
    public var trouble: String? {
        switch self {
        case .records, .noData, .noSuchDomain: nil
        case .temporaryFailure(let reason), .malformed(let reason): reason
        case .filtered: Self.filteredText
        case .filterFailure: Self.filterFailureText
        }
    }

    public static let filteredText = "DNS reply filter drops all results"
    public static let filterFailureText = "Invalid DNS reply filter syntax"
}

/// Asks the DNS. Implementations never block the caller's event loop.
public protocol Resolver: Sendable {
    /// - Parameter name: a domain name in ASCII (A-label) form, with or without the final dot; no search list is applied.
    func query(_ name: String, _ type: RecordType) async -> DNSAnswer
}
