import CUnbound
import Glibc
import MailSyntax
import NIOConcurrencyHelpers

/// A caching resolver on libunbound. libunbound works in a thread of its own; a second thread hands the answers to whoever
/// waits, so no event loop is ever blocked. Thousands of queries may be outstanding: those over the limit wait in line.
///
/// Create it before chroot (it reads resolv.conf); no thread runs before the first query.
// Sendable by hand: the libunbound context locks itself (async with threads), the rest is behind a lock.
public final class UnboundResolver: Resolver, @unchecked Sendable {
    public struct Options: Sendable {
        /// Name servers instead of those of resolv.conf: `192.0.2.1`, `127.0.0.1@5353`.
        public var forwarders: [String] = []
        public var resolverConfiguration = "/etc/resolv.conf"
        /// The root's keys: answers are validated and say so (RFC 4035). Empty: no DNSSEC.
        public var trustAnchorFile = ""
        /// A query without an answer after this long is a temporary failure. nil: as long as the C library would try,
        /// by the options of resolv.conf.
        public var timeoutSeconds: Int?
        /// Queries given to libunbound at a time.
        public var concurrencyLimit = 900
        /// Size of each of the two caches, bytes.
        public var cacheSize = 4 << 20

        public init() {}
    }

    /// The resolver could not be set up.
    public struct SetupError: Error, CustomStringConvertible {
        public let description: String
    }

    private let context: OpaquePointer
    private let options: Options
    private let timeoutMilliseconds: Int
    private let queries: NIOLockedValueBox<QueryTable>
    private let cache = NIOLockedValueBox(AnswerCache())

    public init(_ options: Options = Options()) throws(SetupError) {
        guard let context = ub_ctx_create() else { throw SetupError(description: "cannot create a DNS resolver") }
        self.context = context
        self.options = options
        let patience = options.timeoutSeconds ?? ResolverConfiguration.patience(of: options.resolverConfiguration)
        timeoutMilliseconds = patience * 1000
        queries = NIOLockedValueBox(QueryTable(limit: max(options.concurrencyLimit, 1)))
        configure()
    }

    deinit { ub_ctx_delete(context) }

    private func configure() {
        // A thread, not a forked process.
        ub_ctx_async(context, 1)
        let settings = [
            ("module-config:", options.trustAnchorFile.isEmpty ? "iterator" : "validator iterator"),
            ("do-not-query-localhost:", "no"),
            ("unblock-lan-zones:", "yes"), ("insecure-lan-zones:", "yes"),
            // A name server that was down is asked again soon.
            ("infra-keep-probing:", "yes"), ("infra-host-ttl:", "60"),
            ("num-queries-per-thread:", "4096"), ("outgoing-range:", "1024"),
            ("msg-cache-size:", "\(options.cacheSize)"), ("rrset-cache-size:", "\(options.cacheSize)"),
            ("cache-max-negative-ttl:", "300"),
        ]
        for (name, value) in settings { ub_ctx_set_option(context, name, value) }
        if !options.trustAnchorFile.isEmpty { ub_ctx_add_ta_file(context, options.trustAnchorFile) }
        var servers = options.forwarders
        if servers.isEmpty { servers = ResolverConfiguration.nameServers(of: options.resolverConfiguration) }
        // resolver(5): without a nameserver line the local machine is asked.
        if servers.isEmpty { servers = ["127.0.0.1"] }
        for server in servers { ub_ctx_set_fwd(context, server) }
        // Names that libunbound would answer by itself belong to the name server too.
        for zone in ["localhost.", "127.in-addr.arpa.", "test.", "invalid.", "onion.", "home.arpa."] {
            ub_ctx_zone_remove(context, zone)
        }
    }

    public func query(_ name: String, _ type: RecordType) async -> DNSAnswer {
        guard !name.utf8.contains(0), name.utf8.count <= 255 else { return .malformed("Invalid domain name") }
        let key = ASCII.lowercased(name)
        let now = Self.milliseconds()
        if let known = cache.withLockedValue({ $0.answer(key, type, at: now / 1000) }) { return known }
        return await withCheckedContinuation { continuation in
            let deadline = now + timeoutMilliseconds
            let (start, needsThread) = queries.withLockedValue { table in
                let begun = table.add(name: name, type: type, deadline: deadline, continuation: continuation)
                let first = !table.threadRuns
                table.threadRuns = true
                return (begun, first)
            }
            if needsThread { startThread() }
            if let start { submit(start) }
        }
    }

    private static func milliseconds() -> Int {
        var value = timespec()
        clock_gettime(CLOCK_MONOTONIC, &value)
        return Int(value.tv_sec) * 1000 + Int(value.tv_nsec) / 1_000_000
    }

    /// What libunbound's callback gets.
    private final class Ticket {
        let resolver: UnboundResolver
        let query: QueryTable.Start
        init(_ resolver: UnboundResolver, _ query: QueryTable.Start) {
            self.resolver = resolver
            self.query = query
        }
    }

    private func submit(_ start: QueryTable.Start) {
        let ticket = Unmanaged.passRetained(Ticket(self, start))
        var asyncID: CInt = 0
        let result = ub_resolve_async(
            context, start.name, CInt(start.type.rawValue), 1, ticket.toOpaque(), unboundCallback, &asyncID)
        if result != 0 {
            ticket.release()
            finish(start.id, .temporaryFailure(String(cString: ub_strerror(result))))
        }
    }

    private let unboundCallback: ub_callback_type = { data, error, result in
        guard let data else { return }
        let ticket = Unmanaged<Ticket>.fromOpaque(data).takeRetainedValue()
        let (resolver, query) = (ticket.resolver, ticket.query)
        let answer = UnboundResolver.answer(error, result, query.type)
        if let result {
            resolver.keep(answer, of: query, timeToLive: Int(result.pointee.ttl))
            ub_resolve_free(result)
        }
        resolver.finish(query.id, answer)
    }

    private func keep(_ answer: DNSAnswer, of query: QueryTable.Start, timeToLive: Int) {
        let (key, now) = (ASCII.lowercased(query.name), Self.milliseconds() / 1000)
        cache.withLockedValue { $0.keep(answer, for: key, query.type, timeToLive: timeToLive, at: now) }
    }

    private func finish(_ id: UInt64, _ answer: DNSAnswer) {
        let (waiter, next) = queries.withLockedValue { $0.finish(id) }
        waiter?.resume(returning: answer)
        if let next { submit(next) }
    }

    static func answer(_ error: CInt, _ result: UnsafeMutablePointer<ub_result>?, _ type: RecordType) -> DNSAnswer {
        guard error == 0, let result else { return .temporaryFailure("Host not found, try again") }
        let value = result.pointee
        guard value.havedata != 0, let data = value.data, let lengths = value.len else {
            if value.nxdomain != 0 { return .noSuchDomain }
            if value.rcode == 0 { return .noData }
            return .temporaryFailure("Host not found, try again")
        }
        var records: [DNSRecord] = []
        var malformed = 0
        var index = 0
        while index < 4096, let item = data[index] {
            let bytes = UnsafeRawBufferPointer(start: item, count: Int(max(lengths[index], 0)))
            if let parsed = RecordParser.parse(Array(bytes), type: type) {
                records.append(DNSRecord(data: parsed, timeToLive: Int(value.ttl)))
            } else {
                malformed += 1
            }
            index += 1
        }
        if records.isEmpty { return malformed > 0 ? .malformed("Malformed or unexpected name server reply") : .noData }
        return .records(records, secure: value.secure != 0)
    }

    /// The thread that waits for libunbound's answers. It lives as long as the process: the resolver is never torn down
    /// while queries run.
    private func startThread() {
        let holder = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let resolver = Unmanaged<UnboundResolver>.fromOpaque(argument).takeRetainedValue()
                resolver.run()
                return nil
            }, holder.toOpaque())
        if result == 0 { pthread_detach(thread) } else { holder.release() }
    }

    private func run() {
        var descriptor = pollfd(fd: ub_fd(context), events: Int16(POLLIN), revents: 0)
        while true {
            let isIdle = queries.withLockedValue { $0.isIdle }
            _ = poll(&descriptor, 1, isIdle ? 1000 : QueryTable.sweepMilliseconds)
            if descriptor.revents != 0 { ub_process(context) }
            expire()
        }
    }

    private func expire() {
        let now = Self.milliseconds()
        let late = queries.withLockedValue { $0.expired(at: now) }
        for waiter in late { waiter.resume(returning: .temporaryFailure("Host not found, try again")) }
    }
}
