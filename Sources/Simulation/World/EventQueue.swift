/// Something that happens at a time; the earliest first, in the order of being asked for.
struct TimedEvent {
    var time: UInt64
    var number: UInt64
    /// Nil: it happens outside of the machine.
    var process: SimulatedProcess?
    var token: EventToken?
    var body: () -> Void

    func isBefore(_ other: TimedEvent) -> Bool { (time, number) < (other.time, other.number) }
}

/// Takes an event back.
final class EventToken {
    var isCancelled = false
}

/// A binary heap.
struct EventQueue {
    private var heap: [TimedEvent] = []

    var isEmpty: Bool { heap.isEmpty }
    var nextTime: UInt64? { heap.first?.time }

    mutating func push(_ event: TimedEvent) {
        heap.append(event)
        var index = heap.count - 1
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func pop() -> TimedEvent? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        heap[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            if least == index { return first }
            heap.swapAt(index, least)
            index = least
        }
    }
}
