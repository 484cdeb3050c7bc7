/// Timers in order of their moment. A timer is never taken back: whoever set it knows by a stamp that it is void.
struct TimerQueue<Subject> {
    private var heap: [(at: Moment, subject: Subject)] = []

    var next: Moment? { heap.first?.at }
    var count: Int { heap.count }

    mutating func add(_ subject: Subject, at moment: Moment) {
        heap.append((moment, subject))
        var child = heap.count - 1
        while child > 0, heap[child].at < heap[(child - 1) / 2].at {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The first timer, if its moment has come.
    mutating func popDue(_ now: Moment) -> Subject? {
        guard let first = heap.first, first.at <= now, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return last.subject }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].at < heap[least].at {
                least = child
            }
            guard least != parent else { return first.subject }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
