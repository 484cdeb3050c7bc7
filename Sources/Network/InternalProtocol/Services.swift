/// The small requests between processes.

/// Where the internal endpoints are, relative to the queue directory.
public enum InternalEndpoint {
    /// What only Apus' own processes ask of `queue`: arrivals. Made by master for the process that hosts qmgr.
    public static let queue = "private/apus-queue"
    public static let anvil = "private/anvil"

    /// The endpoint of a delivery agent's master.cf line.
    public static func service(_ name: String, isPrivate: Bool = true) -> String {
        isPrivate ? "private/\(name)" : "public/\(name)"
    }
}

/// What a client did, for anvil's counts. `connect` and `disconnect` pair up on one connection; a server process that
/// dies closes its connection, and its clients' counts go with it.
public enum AnvilEvent: UInt8, Sendable, CaseIterable {
    case connect = 1
    case disconnect, message, recipient, newTLS, auth, lookup
}

/// Asked of `private/anvil`.
public struct AnvilRequest: InternalRequest, Equatable {
    public typealias Reply = AnvilReply
    public static let kind = RequestKind.anvil

    public var event: AnvilEvent
    /// master.cf service name, `smtp`.
    public var service: String
    /// Client address.
    public var client: String

    public init(event: AnvilEvent, service: String, client: String) {
        self.event = event
        self.service = service
        self.client = client
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(event.rawValue)
        writer.write(service)
        writer.write(client)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let event = AnvilEvent(rawValue: try reader.byte()) else { throw WireError("unknown anvil event") }
        self.init(event: event, service: try reader.string(), client: try reader.string())
    }
}

/// Counts after the event was noted. Rates are per anvil_rate_time_unit.
public struct AnvilReply: WireCodable, Equatable {
    /// Connections open now.
    public var connectionCount = 0
    public var connectionRate = 0
    public var messageRate = 0
    public var recipientRate = 0
    public var newTLSRate = 0
    public var authRate = 0

    public init() {}

    public func encode(into writer: inout WireWriter) {
        for value in [connectionCount, connectionRate, messageRate, recipientRate, newTLSRate, authRate] {
            writer.write(value)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        connectionCount = try reader.int()
        connectionRate = try reader.int()
        messageRate = try reader.int()
        recipientRate = try reader.int()
        newTLSRate = try reader.int()
        authRate = try reader.int()
    }
}

/// A complete message stands in `incoming`. Sent one-way to `InternalEndpoint.queue`; a lost one only costs time, the
/// queue finds the file at its next scan.
public struct MessageArrived: InternalRequest, Equatable {
    public typealias Reply = WireEmpty
    public static let kind = RequestKind.messageArrived

    public var queueID: String

    /// Some message: a notification may have been lost.
    public static let unknown = MessageArrived(queueID: "")

    public init(queueID: String) { self.queueID = queueID }

    public func encode(into writer: inout WireWriter) { writer.write(queueID) }

    public init(from reader: inout WireReader) throws(WireError) { self.init(queueID: try reader.string()) }
}

/// ETRN, `postqueue -s`: deliver what is deferred for a site. Asked of `InternalEndpoint.queue`.
public struct FlushRequest: InternalRequest, Equatable {
    public typealias Reply = FlushReply
    public static let kind = RequestKind.flushSite

    public var site: String

    public init(site: String) { self.site = site }

    public func encode(into writer: inout WireWriter) { writer.write(site) }

    public init(from reader: inout WireReader) throws(WireError) { self.init(site: try reader.string()) }
}

/// flush(8) status values.
public enum FlushReply: UInt8, WireCodable, Equatable {
    case done = 0
    case failed = 1
    /// The site is not in fast_flush_domains.
    case unknownSite = 2
    case badSite = 3

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let value = FlushReply(rawValue: try reader.byte()) else { throw WireError("unknown flush status") }
        self = value
    }
}
