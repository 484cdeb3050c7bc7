import InternalProtocol
import MailSystem
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Spool
import TestSupport

@testable import Queue

/// Blocking work done at once: the store is memory.
struct ImmediateWork: BlockingWork {
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T { try body() }
}

/// Routes by domain to `smtp`, with a few names of special meaning.
struct TestRouter: RecipientRouter {
    func route(sender: String, recipient: String) async -> Route {
        let domain = recipient.split(separator: "@").last.map(String.init) ?? ""
        switch domain {
        case "tablefails.example": return .later(status: "4.3.0", reason: "address resolver failure")
        case "bad.example": return .never(status: "5.1.3", reason: "bad address syntax")
        case "here.example": return .deliver(transport: "local", nexthop: domain, recipient: recipient, isLocal: true)
        default: return .deliver(transport: "smtp", nexthop: domain, recipient: recipient, isLocal: false)
        }
    }
}

/// Records notifications; their log is read when they are made.
final class TestNotifier: Notifier {
    let sent = NIOLockedValueBox<[(kind: NotificationKind, id: String, recipients: [String])]>([])
    let fails = NIOLockedValueBox(false)
    let directory: QueueDirectory
    init(_ directory: QueueDirectory) { self.directory = directory }

    func notify(_ kind: NotificationKind, id: QueueID, message: QueuedMessage) async -> Bool {
        if fails.withLockedValue({ $0 }) { return false }
        let entries = (try? BounceLog.read(directory, queue: kind.log, id: id)) ?? []
        sent.withLockedValue { $0.append((kind, id.text, entries.map(\.recipient))) }
        return true
    }

    var kinds: [NotificationKind] { sent.withLockedValue { $0.map(\.kind) } }
}

/// An agent that ends before it answers.
struct LostConnection: InternalCaller {
    func call<R: InternalRequest>(_ request: R) async throws -> R.Reply { throw InternalProtocolError.connectionLost }
    func notify<R: InternalRequest>(_ request: R) {}
}

/// A queue manager on a disk in memory, with a delivery agent that answers as it is told.
final class ManagerBench: Sendable {
    typealias Answer = @Sendable (DeliveryRequest) async throws -> DeliveryReport

    let clock = SimulatedClock()
    let store: MemoryFileStore
    let directory: QueueDirectory
    let sink = MemoryLogSink()
    let notifier: TestNotifier
    let manager: QueueManager
    let requests = NIOLockedValueBox<[DeliveryRequest]>([])

    init(
        settings: ManagerSettings = ManagerSettings(), store: MemoryFileStore? = nil,
        transport: TransportSettings = TransportSettings(), answer: @escaping Answer,
        losesConnection: @escaping @Sendable (String) -> Bool = { _ in false },
        noteDeferred: @escaping @Sendable (String, QueueID) async -> Void = { _, _ in }
    ) {
        let clock = clock
        self.store =
            store
            ?? MemoryFileStore(
                directories: [
                    "incoming", "active", "deferred", "hold", "corrupt", "bounce", "defer", "trace", "flush",
                    "maildrop",
                ], clock: clock)
        directory = QueueDirectory(store: self.store, longIDs: true)
        notifier = TestNotifier(directory)
        var handlers = InternalHandlers()
        let requests = requests
        let directory = directory
        handlers.on(DeliveryRequest.self) { request in
            requests.withLockedValue { $0.append(request) }
            let report = try await answer(request)
            // The agent marks what it delivered.
            if let id = QueueID(request.queueID) {
                for result in report.results where result.outcome == .delivered {
                    let reader = try QueueFileReader.open(directory, queue: "active", id: id, writing: true)
                    try reader.markDone(at: result.offset)
                    reader.close()
                }
            }
            return report
        }
        let agent = LoopbackConnection(handlers)
        manager = QueueManager(
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            environment: QueueManager.Environment(
                settings: settings, transportSettings: { _ in transport }, store: QueueStore(directory: directory),
                work: ImmediateWork(), clock: clock, log: MailLog(tag: "postfix/qmgr", sink: sink),
                errorLog: MailLog(tag: "postfix/error", sink: sink), router: TestRouter(),
                agent: { losesConnection($0) ? LostConnection() as any InternalCaller : agent },
                notifier: notifier, noteDeferred: noteDeferred))
    }

    /// A complete message in a queue.
    @discardableResult
    func write(
        _ recipients: [String], sender: String = "a@example.org", queue: String = "incoming", warnAfter: Int? = nil,
        traceFlags: Int = 0, filter: String? = nil, redirect: String? = nil, notify: Int = 0
    ) throws -> QueueID {
        let now = clock.now()
        let writer = try QueueFileWriter.create(in: directory, time: now)
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "\(now.seconds) \(now.microseconds)")
        if let filter { writer.append(.filter, filter) }
        if traceFlags != 0 { writer.append(attribute: "trace_flags", "\(traceFlags)") }
        writer.append(.sender, sender)
        if let warnAfter {
            let text = String(now.seconds + warnAfter)
            writer.append(.warning, String(repeating: " ", count: 15 - text.utf8.count) + text)
        }
        for recipient in recipients {
            if notify != 0 { writer.append(attribute: "notify_flags", "\(notify)") }
            writer.append(.originalRecipient, recipient)
            writer.append(.recipient, recipient)
        }
        writer.append(.message)
        let start = writer.offset
        writer.append(.line, "Subject: test")
        writer.append(.line, "")
        writer.append(.line, "body")
        let end = writer.offset
        writer.append(.extracted)
        if let redirect { writer.append(.redirect, redirect) }
        writer.append(.end)
        let size = SizeRecord(
            segmentLength: end - start, dataOffset: start, recipientCount: recipients.count,
            queueFlags: redirect == nil ? [] : .mixedRecipients, contentLength: end - start)
        try writer.commit(size: size)
        clock.advance(seconds: 0.00001)
        if queue != "incoming" { try directory.move(writer.id, from: "incoming", to: queue) }
        return writer.id
    }

    func location(_ id: QueueID) -> String? { directory.locate(id)?.queue }

    /// Waits until `condition` holds; false after a time that only a broken program needs.
    func until(_ condition: @Sendable () async -> Bool) async -> Bool {
        let end = ContinuousClock.now + .seconds(120)
        // Time alone says little while other tests hold all threads: what is waited for has not run then, either.
        var looks = 0
        while ContinuousClock.now < end || looks < 5_000 {
            if await condition() { return true }
            looks += 1
            try? await Task.sleep(for: .milliseconds(1))
        }
        return false
    }

    func log(_ text: String) async -> Bool {
        let sink = sink
        return await until { sink.lines.contains { $0.contains(text) } }
    }
}

/// An answer that treats every recipient alike.
func everyone(
    _ outcome: DeliveryOutcome, _ status: String, _ action: String, _ reason: String = "text",
    failure: DestinationFailure? = nil
) -> ManagerBench.Answer {
    { request in
        DeliveryReport(
            results: request.recipients.map {
                RecipientResult(offset: $0.offset, outcome: outcome, status: status, action: action, reason: reason)
            }, destinationFailure: failure)
    }
}

let delivered = everyone(.delivered, "2.0.0", "relayed")
let deferredAnswer = everyone(.deferred, "4.2.0", "delayed")
let bouncedAnswer = everyone(.bounced, "5.1.1", "failed")
