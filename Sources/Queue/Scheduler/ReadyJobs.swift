/// The jobs of one transport that could be selected, by number of remaining deliveries: class n holds 2^(n-1)+1 … 2^n.
/// Finding the oldest job, or the best small one, costs the same however many there are.
///
/// Entries are never searched for and removed: a job that changed place leaves a stale note behind, known by its stamp.
struct ReadyJobs {
    private struct Note {
        let sequence: UInt64
        let stamp: UInt64
        let job: Job
    }

    private var classes = [[Note]](repeating: [], count: 24)
    private var nextStamp: UInt64 = 1

    static func sizeClass(_ remaining: Int) -> Int {
        remaining <= 1 ? 0 : min(23, Int.bitWidth - (remaining - 1).leadingZeroBitCount)
    }

    mutating func insert(_ job: Job) {
        let size = Self.sizeClass(job.remaining)
        job.place = .ready(sizeClass: size)
        job.stamp = nextStamp
        nextStamp &+= 1
        classes[size].append(Note(sequence: job.message.sequence, stamp: job.stamp, job: job))
        siftUp(size)
    }

    /// The oldest job of a size class.
    mutating func oldest(ofClass size: Int) -> Job? {
        while let note = classes[size].first {
            if note.stamp == note.job.stamp, note.job.place == .ready(sizeClass: size) { return note.job }
            removeFirst(size)
        }
        return nil
    }

    /// The oldest job of all.
    mutating func oldest() -> Job? {
        var best: Job?
        for size in classes.indices where !classes[size].isEmpty {
            guard let job = oldest(ofClass: size) else { continue }
            if let found = best, found.message.sequence <= job.message.sequence { continue }
            best = job
        }
        return best
    }

    /// The job that deserves most to go before one that can spare `slots` deliveries: the oldest of each size, weighed
    /// by its age over its size.
    mutating func bestCandidate(slots: Int, now: Moment) -> Job? {
        var best: (job: Job, score: Double)?
        for size in 0...Self.sizeClass(slots) where !classes[size].isEmpty {
            guard let job = oldest(ofClass: size) else { continue }
            let needed = job.remaining
            guard needed > 0, needed <= slots else { continue }
            let age = Double(now.nanoseconds &- job.message.activated.nanoseconds) / 1e9 + 1
            let score = age / Double(needed)
            if let found = best, found.score >= score { continue }
            best = (job, score)
        }
        return best?.job
    }

    // MARK: binary heap by age

    private mutating func siftUp(_ size: Int) {
        var child = classes[size].count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard classes[size][child].sequence < classes[size][parent].sequence else { return }
            classes[size].swapAt(child, parent)
            child = parent
        }
    }

    private mutating func removeFirst(_ size: Int) {
        guard let last = classes[size].popLast(), !classes[size].isEmpty else { return }
        classes[size][0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < classes[size].count && classes[size][child].sequence < classes[size][least].sequence {
                least = child
            }
            guard least != parent else { return }
            classes[size].swapAt(least, parent)
            parent = least
        }
    }
}
