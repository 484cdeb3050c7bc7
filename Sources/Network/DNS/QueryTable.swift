/// Who waits for which query: bounds what is outstanding and lets late queries go. A late query's waiter gets a temporary
/// failure; its slot stays taken until libunbound answers, so that a dead name server can't pile up work.
struct QueryTable {
    typealias Waiter = CheckedContinuation<DNSAnswer, Never>

    struct Start {
        var id: UInt64
        var name: String
        var type: RecordType
    }

    private struct Entry {
        var waiter: Waiter?
        var deadline: Int
    }

    private struct Queued {
        var start: Start
        var waiter: Waiter
        var deadline: Int
    }

    var threadRuns = false
    private let limit: Int
    private var nextID: UInt64 = 1
    private var running: [UInt64: Entry] = [:]
    /// Past the limit, first in first out; `head` avoids moving the array for each removal.
    private var queue: [Queued?] = []
    private var head = 0
    private var lastSweep = 0

    init(limit: Int) { self.limit = limit }

    /// Returns what to start now, or nil when the query must wait its turn.
    /// - Parameter deadline: milliseconds, as in `expired`.
    mutating func add(name: String, type: RecordType, deadline: Int, continuation: Waiter) -> Start? {
        let start = Start(id: nextID, name: name, type: type)
        nextID &+= 1
        guard running.count < limit else {
            queue.append(Queued(start: start, waiter: continuation, deadline: deadline))
            return nil
        }
        running[start.id] = Entry(waiter: continuation, deadline: deadline)
        return start
    }

    /// The waiter of a finished query, if it still waits, and the next query to start.
    mutating func finish(_ id: UInt64) -> (Waiter?, Start?) {
        let waiter = running.removeValue(forKey: id)?.waiter
        while head < queue.count {
            let item = queue[head]
            queue[head] = nil
            head += 1
            if head > 1024, head * 2 > queue.count {
                queue.removeFirst(head)
                head = 0
            }
            guard let item else { continue }
            running[item.start.id] = Entry(waiter: item.waiter, deadline: item.deadline)
            return (waiter, item.start)
        }
        queue.removeAll(keepingCapacity: false)
        head = 0
        return (waiter, nil)
    }

    /// Nobody waits for anything.
    var isIdle: Bool { running.isEmpty && head == queue.count }

    static let sweepMilliseconds: Int32 = 200

    /// Waiters whose time is up. Looks at most once in `sweepMilliseconds`.
    mutating func expired(at now: Int) -> [Waiter] {
        guard now - lastSweep >= Self.sweepMilliseconds else { return [] }
        lastSweep = now
        var late: [Waiter] = []
        for (id, entry) in running where entry.deadline <= now {
            guard let waiter = entry.waiter else { continue }
            late.append(waiter)
            running[id]?.waiter = nil
        }
        for index in queue.indices.dropFirst(head) {
            guard let item = queue[index], item.deadline <= now else { continue }
            late.append(item.waiter)
            queue[index] = nil
        }
        return late
    }
}
