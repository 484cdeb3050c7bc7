/// One parser that bytes from outside reach, with the properties that must hold for every input. A property that does
/// not hold ends the process: libFuzzer keeps the input then.
public struct FuzzTarget: Sendable {
    /// Also the name of its folder in `Fuzz/Corpus`.
    public let name: String
    public let run: @Sendable (_ input: [UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable (_ input: [UInt8]) -> Void) {
        self.name = name
        self.run = run
    }

    /// All targets, in the order of their names.
    public static let all: [FuzzTarget] = [
        .addresses, .aliasSource, .attributeLists, .berkeley, .bounceLog, .bounceTemplate, .certificateNames, .cidr,
        .cleanup, .clientDialogue, .constantDB, .dataContent, .dnsAnswers, .dovecotAuth, .eightBit, .forwardFile,
        .headerRecipients, .headers, .internalProtocol, .lineReader, .lmdb, .mailboxLines, .maildrop, .mainFile,
        .masterFile, .memcache, .mime, .networkAddresses, .notification, .pcre, .pipeArguments, .postdropRecords,
        .postlog, .queryTemplate, .queueFile, .queueListing, .regexp, .sasl, .serverReply, .smtpCommand, .smtpSession,
        .socketmap, .sqlite, .tableSource, .tcpTable, .textCodecs, .tls,
    ]

    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Ends the process when a property does not hold.
func require(_ condition: Bool, _ property: @autoclosure () -> String) {
    if !condition { fatalError("property does not hold: \(property())") }
}

/// Cuts one input into several values.
struct InputReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// What stands before the next 0xFF, which is taken too: a byte that no UTF-8 text holds.
    mutating func field() -> [UInt8] {
        let part = Array(rest.prefix { $0 != 0xFF })
        rest = rest.dropFirst(part.count + 1)
        return part
    }

    mutating func text() -> String { String(decoding: field(), as: UTF8.self) }

    mutating func all() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}

/// Cuts bytes into pieces whose lengths depend on `seed`: what a network does to a stream.
func pieces(_ bytes: [UInt8], seed: UInt8) -> [[UInt8]] {
    var state = UInt32(seed) &* 2_654_435_761 &+ 1
    var rest = bytes[...]
    var result: [[UInt8]] = []
    while !rest.isEmpty {
        state = state &* 1_664_525 &+ 1_013_904_223
        let length = 1 + Int(state >> 24) % (seed < 128 ? 7 : 97)
        result.append(Array(rest.prefix(length)))
        rest = rest.dropFirst(length)
    }
    return result
}
