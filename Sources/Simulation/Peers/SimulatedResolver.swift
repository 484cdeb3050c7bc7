import DNS
import MailSyntax

/// The DNS of the simulated world, with its failures and lies.
struct SimulatedResolver: Resolver {
    let world: World
    let zone: Zone
    let process: SimulatedProcess
    /// The answer in place of the true one, if any: nil inside is none at all.
    private let fault: Unchecked<(String) -> DNSAnswer??>

    init(_ world: World, _ zone: Zone, _ process: SimulatedProcess, fault: @escaping (String) -> DNSAnswer??) {
        self.world = world
        self.zone = zone
        self.process = process
        self.fault = Unchecked(fault)
    }

    func query(_ name: String, _ type: RecordType) async -> DNSAnswer {
        let key = name.hasSuffix(".") ? String(name.dropLast()) : name
        var answer = zone.answer(key, type)
        var delay = UInt64(world.random.within(100_000...20_000_000))
        if let lie = fault.value(key) {
            // Nothing at all: the resolver gives up after its time.
            answer = lie ?? .temporaryFailure("timed out")
            if lie == nil { delay = 30_000_000_000 }
        }
        let (found, process, wait) = (answer, process, delay)
        world.note("dns", "\(key) \(type) \(found)")
        return await withCheckedContinuation { continuation in
            world.schedule(after: wait, in: process) { continuation.resume(returning: found) }
        }
    }
}

/// What is true.
struct Zone: Sendable {
    var records: [String: [RecordType: [RecordData]]] = [:]

    mutating func add(_ name: String, _ type: RecordType, _ data: RecordData...) {
        records[name, default: [:]][type, default: []] += data
    }

    func answer(_ name: String, _ type: RecordType) -> DNSAnswer {
        guard let types = records[ASCII.lowercased(name)] else { return .noSuchDomain }
        guard let found = types[type] else { return .noData }
        return .records(found.map { DNSRecord(data: $0, timeToLive: 300) }, secure: false)
    }
}
