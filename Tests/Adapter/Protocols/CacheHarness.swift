import Send

/// The connection cache, with a clock of its own.
struct CacheHarness {
    private struct Endpoint {
        var properties: String
        var descriptor: Int
    }

    private struct Destination {
        var properties: String
        var endpoint: String
    }

    private let console: Console
    private var isVerbose = true
    private var now = 0
    private var limit = 100
    private var endpoints = ConnectionStore<String, Endpoint>(limit: 100)
    private var destinations = ConnectionStore<String, Destination>(limit: 100)
    private var expiries: [(time: Int, endpoint: ConnectionStore<String, Endpoint>.Ticket)] = []
    private var destinationExpiries: [(time: Int, destination: ConnectionStore<String, Destination>.Ticket)] = []

    static func run(_ console: Console) async {
        var harness = CacheHarness(console: console)
        for line in console.lines() {
            console.print(">>> \(line)")
            if line.isEmpty || line.hasPrefix("#") { continue }
            harness.execute(words(line))
        }
    }

    private init(console: Console) { self.console = console }

    private func tell(_ text: String) { if isVerbose { console.log.info(text) } }

    private mutating func execute(_ fields: [String]) {
        switch (fields.first ?? "", fields.count) {
        case ("verbose", 2): isVerbose = fields[1] != "0"
        case ("cache_type", 2):
            limit = fields[1] == "single" ? 1 : 100
            endpoints = ConnectionStore(limit: limit)
            destinations = ConnectionStore(limit: limit)
        case ("sleep", 2): pass(Int(fields[1]) ?? 0)
        case ("save_endp", 5):
            let endpoint = Endpoint(properties: fields[3], descriptor: Int(fields[4]) ?? -1)
            if limit == 1 { _ = endpoints.take(fields[2]) }
            if let ticket = endpoints.store(endpoint, for: fields[2]) {
                expiries.append((now + (Int(fields[1]) ?? 0), ticket))
            }
        case ("find_endp", 2):
            let found = endpoints.take(fields[1])
            tell("endpoint \(fields[1]): \(found.map { "\($0.properties) \($0.descriptor)" } ?? "not found")")
        case ("save_dest", 5):
            let destination = Destination(properties: fields[3], endpoint: fields[4])
            if limit == 1 { _ = destinations.take(fields[2]) }
            if let ticket = destinations.store(destination, for: fields[2]) {
                destinationExpiries.append((now + (Int(fields[1]) ?? 0), ticket))
            }
        case ("find_dest", 2):
            let found = destinations.take(fields[1])
            let endpoint = found.flatMap { endpoints.take($0.endpoint) }
            tell("destination \(fields[1]): \(endpoint.map { "\($0.properties) \($0.descriptor)" } ?? "not found")")
        default: console.log.warning("bad command: \(fields.joined(separator: " "))")
        }
    }

    private mutating func pass(_ seconds: Int) {
        now += seconds
        for expiry in expiries where expiry.time <= now { _ = endpoints.remove(expiry.endpoint) }
        for expiry in destinationExpiries where expiry.time <= now { _ = destinations.remove(expiry.destination) }
        expiries.removeAll { $0.time <= now }
        destinationExpiries.removeAll { $0.time <= now }
    }
}
