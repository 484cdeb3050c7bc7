/// What master and its processes say to each other over the control socket. All of it is one-way frames.

/// One line of master.cf on its way to the process that hosts it.
public struct ServiceOrder: WireCodable, Equatable {
    /// Index of the service in master.cf's order.
    public var index: Int
    /// Descriptors that listen for it, in the receiving process.
    public var listeners: [CInt]
    /// What each listener is bound to: `127.0.0.1:25`, `private/smtp`.
    public var addresses: [String]

    public init(index: Int, listeners: [CInt], addresses: [String]) {
        self.index = index
        self.listeners = listeners
        self.addresses = addresses
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(index)
        writer.write(listeners) { $0.write(Int($1)) }
        writer.write(addresses) { $0.write($1) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        index = try reader.int()
        listeners = try reader.array { (reader) throws(WireError) in CInt(truncatingIfNeeded: try reader.int()) }
        addresses = try reader.array { (reader) throws(WireError) in try reader.string() }
    }
}

/// What the keys of TLS session tickets are derived from.
public struct TicketSecret: WireCodable, Equatable {
    /// Seconds that a key is used.
    public var period: Int
    /// Of the period whose secret this is.
    public var number: Int
    public var bytes: [UInt8]

    public init(period: Int, number: Int, bytes: [UInt8]) {
        self.period = period
        self.number = number
        self.bytes = bytes
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(period)
        writer.write(number)
        writer.write(bytes)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        period = try reader.int()
        number = try reader.int()
        bytes = try reader.bytes()
    }
}

/// The first message a process gets: who it is and what it serves.
public struct StartOrder: InternalRequest, Equatable {
    public typealias Reply = WireEmpty
    public static let kind = RequestKind.startOrder

    public var configurationDirectory: String
    public var generation: Int
    /// Log to standard error too (start-fg, -d).
    public var verbose: Int
    /// Empty: no chroot.
    public var chroot: String
    /// Empty: stay the user who starts it.
    public var user: String
    /// master.cf as master read it: the process must not read a newer file than the others.
    public var masterFile: String
    public var services: [ServiceOrder]
    /// Listener of `InternalEndpoint.queue`, or -1.
    public var queueListener: CInt
    /// Nil for a process that needs none.
    public var ticketSecret: TicketSecret?

    public init(
        configurationDirectory: String, generation: Int, verbose: Int = 0, chroot: String = "", user: String = "",
        masterFile: String, services: [ServiceOrder], queueListener: CInt = -1, ticketSecret: TicketSecret? = nil
    ) {
        self.configurationDirectory = configurationDirectory
        self.generation = generation
        self.verbose = verbose
        self.chroot = chroot
        self.user = user
        self.masterFile = masterFile
        self.services = services
        self.queueListener = queueListener
        self.ticketSecret = ticketSecret
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(configurationDirectory)
        writer.write(generation)
        writer.write(verbose)
        writer.write(chroot)
        writer.write(user)
        writer.write(masterFile)
        writer.write(services) { $0.write($1) }
        writer.write(Int(queueListener))
        writer.write(optional: ticketSecret) { $0.write($1) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        configurationDirectory = try reader.string()
        generation = try reader.int()
        verbose = try reader.int()
        chroot = try reader.string()
        user = try reader.string()
        masterFile = try reader.string()
        services = try reader.array { (reader) throws(WireError) in try ServiceOrder(from: &reader) }
        queueListener = CInt(truncatingIfNeeded: try reader.int())
        ticketSecret = try reader.optional { (reader) throws(WireError) in try TicketSecret(from: &reader) }
    }
}

/// From a process to master.
public enum ProcessReport: UInt8, InternalRequest, Equatable {
    public typealias Reply = WireEmpty
    public static let kind = RequestKind.processReport

    /// It serves; the previous generation may drain.
    case ready = 1
    /// A table or key it holds has changed: start a successor.
    case wantsSuccessor = 2
    /// It accepts nothing any more and has let go of what only one process may have: all that is new goes to the next.
    case draining = 3

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let value = ProcessReport(rawValue: try reader.byte()) else { throw WireError("unknown report") }
        self = value
    }
}

/// From master to a process.
public enum ProcessOrder: UInt8, InternalRequest, Equatable {
    public typealias Reply = WireEmpty
    public static let kind = RequestKind.processOrder

    /// Stop accepting, finish what is under way, exit.
    case drain = 1
    /// The log file was rotated: its new descriptor comes with this message.
    case replaceLog = 2

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let value = ProcessOrder(rawValue: try reader.byte()) else { throw WireError("unknown order") }
        self = value
    }
}
