import NIOCore

/// One end of a connection: a channel of a process, or a scripted peer outside.
protocol ConnectionEnd: AnyObject {
    /// Nil: outside of the machine.
    var process: SimulatedProcess? { get }
    /// - Returns: whether it still listens.
    @discardableResult
    func received(_ bytes: [UInt8]) -> Bool
    /// The other end will send nothing more.
    func receivedEnd()
    func wasReset()
}

/// A connection between two ends: bytes arrive in order, later, in pieces.
final class Connection {
    /// How a connection goes wrong.
    struct Faults {
        /// The connection breaks after that many bytes, from the first end or the second.
        var cutAfter: [Int?] = [nil, nil]
        /// Instead of a reset, nothing more arrives: both ends wait until they lose patience.
        var isSilentCut = false
        /// Bytes arrive one piece at a time, at most that long.
        var pieceLimit = Int.max
        /// Nanoseconds, in addition.
        var delay: UInt64 = 0
    }

    private struct Direction {
        var sent = 0
        var lastArrival: UInt64 = 0
        var isEnded = false
        var isBroken = false
    }

    let world: World
    let number: Int
    private var ends: [ConnectionEnd?] = [nil, nil]
    private var directions = [Direction(), Direction()]
    private(set) var isDead = false
    var faults = Faults()
    /// Nanoseconds.
    private let latency: ClosedRange<Int>

    init(_ world: World, number: Int, latency: ClosedRange<Int>) {
        self.world = world
        self.number = number
        self.latency = latency
    }

    /// What the first end did before somebody accepted.
    private var early: [() -> Void] = []

    func attach(_ first: ConnectionEnd, _ second: ConnectionEnd) {
        ends = [first, second]
        let steps = early
        early = []
        for step in steps { step() }
    }

    private var isAttached: Bool { ends[1] != nil }

    private func index(_ end: ConnectionEnd) -> Int { ends[0] === end ? 0 : 1 }

    private func arrive(_ side: Int, _ body: @escaping (ConnectionEnd) -> Void) {
        guard let receiver = ends[1 - side] else { return }
        let due = max(
            directions[side].lastArrival, world.now + UInt64(world.random.within(latency)) + faults.delay)
        directions[side].lastArrival = due
        world.schedule(after: due - world.now, in: receiver.process) { [self] in
            // In silence the end, too, is not heard of.
            guard !isDead else { return }
            body(receiver)
        }
    }

    /// - Parameter arrived: called when the other end has all of it.
    func send(_ bytes: [UInt8], from end: ConnectionEnd, arrived: (() -> Void)? = nil) {
        guard !isDead, !bytes.isEmpty else { return }
        guard isAttached else {
            early.append { [self] in send(bytes, from: end, arrived: arrived) }
            return
        }
        let side = index(end)
        guard !directions[side].isBroken, !directions[side].isEnded else { return }
        var bytes = bytes[...]
        var cuts = false
        if let limit = faults.cutAfter[side], directions[side].sent + bytes.count > limit {
            bytes = bytes.prefix(max(0, limit - directions[side].sent))
            cuts = true
            directions[side].isBroken = true
        }
        directions[side].sent += bytes.count
        while !bytes.isEmpty {
            let size = min(bytes.count, faults.pieceLimit)
            let piece = Array(bytes.prefix(size))
            bytes = bytes.dropFirst(size)
            let isLast = bytes.isEmpty && !cuts
            arrive(side) { receiver in
                let isHeard = receiver.received(piece)
                if isLast, isHeard { arrived?() }
            }
        }
        if cuts { breakOff(side) }
    }

    private func breakOff(_ side: Int) {
        world.note("net", "cut \(number)")
        world.count(faults.isSilentCut ? .silentCut : .connectionCut)
        if faults.isSilentCut {
            for index in 0...1 { directions[index].isBroken = true }
            return
        }
        arrive(side) { [self] _ in reset() }
    }

    /// FIN.
    func end(from end: ConnectionEnd) {
        guard isDead || isAttached else {
            early.append { [self] in self.end(from: end) }
            return
        }
        let side = index(end)
        guard !isDead, !directions[side].isEnded else { return }
        directions[side].isEnded = true
        guard !directions[side].isBroken else { return }
        arrive(side) { $0.receivedEnd() }
    }

    /// RST: both ends hear of it.
    func reset() {
        guard !isDead else { return }
        isDead = true
        for end in ends {
            guard let end else { continue }
            world.schedule(after: 1000, in: end.process) { end.wasReset() }
        }
        ends = [nil, nil]
    }

    /// The machine of the ends is gone without a word: nobody outside hears of it.
    func vanish() {
        for index in 0...1 { directions[index].isBroken = true }
    }
}
