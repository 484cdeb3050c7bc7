import DNS
import Deliver
import Glibc
import MailSyntax

/// What goes wrong in a run, drawn from its seed.
final class Chaos {
    /// Switched off for recovery.
    var isOn = true
    private var random: Randomness
    private let count: (Trouble) -> Void
    /// One in so many operations fails; 0: none.
    private(set) var diskRate = 0
    private var diskErrors: [CInt] = [EIO]
    private var diskOperations: Set<DiskOperation>?
    private(set) var remoteRate = 0
    private var authenticationRate = 0
    private var tlsRate = 0
    private(set) var programRate = 0
    private(set) var dnsRate = 0
    private(set) var tableRate = 0
    private(set) var networkRate = 0
    private(set) var delayRate = 0
    let hasLies: Bool
    /// Disk operations until a process dies in the middle of one, or the power goes.
    private(set) var killAtOperation: [Int] = []
    private(set) var powerLossAtOperation: [Int] = []
    /// Seconds after the start.
    private(set) var kills: [(seconds: Double, kind: String)] = []
    private(set) var reloads: [(seconds: Double, kind: String)] = []
    private(set) var powerLosses: [Double] = []
    private(set) var clockJumps: [(seconds: Double, by: Int)] = []
    let isSlow: Bool
    /// Number of the configuration.
    let setting: Int
    let seconds: Double

    /// - Parameter count: told of each trouble that occurs.
    init(_ random: Randomness, calm: Bool, count: @escaping (Trouble) -> Void) {
        self.count = count
        var random = random
        seconds = Double(random.within(5...90))
        func rate(_ random: inout Randomness, _ range: ClosedRange<Int>) -> Int {
            !calm && random.oneIn(3) ? random.within(range) : 0
        }
        func times(_ random: inout Randomness, _ oneIn: Int, _ most: Int) -> Int {
            !calm && random.oneIn(oneIn) ? random.within(1...most) : 0
        }
        diskRate = rate(&random, 20...400)
        switch random.below(4) {
        case 0: diskErrors = [ENOSPC, EDQUOT]
        case 1: diskErrors = [EMFILE, ENFILE]
        case 2: diskErrors = [EIO, ENOSPC, EMFILE]
        default: diskErrors = [EIO]
        }
        if random.oneIn(2) { diskOperations = [DiskOperation(rawValue: random.below(16)) ?? .write] }
        remoteRate = rate(&random, 2...30)
        tlsRate = rate(&random, 2...8)
        authenticationRate = rate(&random, 2...8)
        programRate = rate(&random, 2...10)
        dnsRate = rate(&random, 2...10)
        tableRate = rate(&random, 2...50)
        networkRate = rate(&random, 1...6)
        delayRate = rate(&random, 2...20)
        hasLies = dnsRate > 0 && random.oneIn(2)
        isSlow = !calm && random.oneIn(6)
        setting = random.below(4)
        let kinds = ["receive", "queue", "send", "deliver"]
        for _ in 0..<times(&random, 3, 3) { killAtOperation.append(random.within(1...700)) }
        for _ in 0..<times(&random, 3, 2) { powerLossAtOperation.append(random.within(1...700)) }
        for _ in 0..<times(&random, 4, 3) {
            kills.append((Double(random.below(Int(seconds * 1000))) / 1000, random.pick(kinds)))
        }
        for _ in 0..<times(&random, 4, 2) {
            reloads.append((Double(random.below(Int(seconds * 1000))) / 1000, random.pick(kinds)))
        }
        for _ in 0..<times(&random, 5, 1) { powerLosses.append(Double(random.below(Int(seconds * 1000))) / 1000) }
        for _ in 0..<times(&random, 6, 2) {
            clockJumps.append((Double(random.below(Int(seconds * 1000))) / 1000, random.within(-7200...7200)))
        }
        self.random = random
    }

    /// What could not be delivered for good was not noted, and is tried again.
    private(set) var hasFailedBounceLog = false

    /// Recipients may be given up whose senders cannot be told.
    var givesUp: Bool { hasLies || diskErrors.contains(EDQUOT) }

    /// One line for people.
    var summary: String {
        "\(Int(seconds)) s, disk 1/\(diskRate) \(diskErrors) \(diskOperations.map { "\($0)" } ?? "all"), remote 1/\(remoteRate),"
            + " programs 1/\(programRate), dns 1/\(dnsRate), tables 1/\(tableRate), net 1/\(networkRate), delays 1/\(delayRate),"
            + " kills \(kills) at operations \(killAtOperation), power \(powerLosses) at operations"
            + " \(powerLossAtOperation), reloads \(reloads), clock \(clockJumps)\(isSlow ? ", slow disk" : "")"
    }

    /// Where a machine that cannot deliver and cannot tell the sender tells somebody else.
    var watcherIsRefused: Bool { setting == 1 }

    private func strikes(_ rate: Int) -> Bool { isOn && rate > 0 && random.oneIn(rate) }

    /// - Parameter grows: it needs room on the disk.
    func diskError(_ operation: DiskOperation, _ path: String, grows: Bool) -> CInt? {
        guard diskRate > 0, diskOperations?.contains(operation) ?? true, strikes(diskRate) else { return nil }
        let code = random.pick(diskErrors)
        let trouble: Trouble
        switch code {
        case ENOSPC:
            guard grows else { return nil }
            trouble = .noSpace
        case EDQUOT:
            // Bounces the message; nobody with a full mailbox waits for notifications.
            guard grows, path.contains("mail/"), path.contains("u2") || path.contains("m2") else { return nil }
            trouble = .overQuota
        case EMFILE, ENFILE:
            guard operation.opens else { return nil }
            trouble = .tooManyFiles
        default:
            guard operation != .lock, operation != .status else { return nil }
            trouble = .inputOutputError
        }
        count(trouble)
        if path.hasPrefix("bounce/") { hasFailedBounceLog = true }
        return code
    }

    func tableFails() -> Bool {
        guard strikes(tableRate) else { return false }
        count(.tableFailure)
        return true
    }

    func dnsAnswer(_ name: String) -> DNSAnswer?? {
        guard strikes(dnsRate) else { return nil }
        // Where notifications go, nothing may be wrong for good.
        if hasLies, random.oneIn(2), !name.contains("origin") {
            count(.dnsLie)
            switch random.below(4) {
            case 0: return .some(.noSuchDomain)
            case 1: return .some(.noData)
            case 2: return .some(.malformed("simulated"))
            default:
                let wrong = IPAddress("192.0.2.99").map { RecordData.a($0) }
                return .some(.records(wrong.map { [DNSRecord(data: $0, timeToLive: 1)] } ?? [], secure: false))
            }
        }
        if random.oneIn(4) {
            count(.dnsSilence)
            return .some(nil)
        }
        count(.dnsFailure)
        return .some(.temporaryFailure("simulated SERVFAIL"))
    }

    func greetingTrouble() -> String? {
        guard strikes(remoteRate) else { return nil }
        count(.busyGreeting)
        return random.pick(["421 4.3.2 busy", "450 4.7.1 not now"])
    }

    /// - Parameter permanent: refusals for good, too.
    func commandTrouble(permanent: Bool) -> String? {
        guard strikes(remoteRate) else { return nil }
        if permanent, random.oneIn(4) {
            count(.refusedForGood)
            return "550 5.7.1 refused"
        }
        count(.refusedForNow)
        return random.pick(["450 4.2.0 later", "451 4.3.0 trouble", "452 4.3.1 full"])
    }

    /// A reply as it leaves the server: nil for none. False: it does not say any more what it said.
    func distort(_ reply: String) -> (text: String?, isTrue: Bool) {
        guard strikes(remoteRate * 4) else { return (reply, true) }
        switch random.below(5) {
        case 0:
            count(.replyMissing)
            return (nil, false)
        case 1:
            count(.replyGarbled)
            return ("garbage \u{1}\u{2} \(reply)", false)
        case 2:
            count(.replyCutOff)
            return ("2", false)
        case 3:
            count(.replyEmpty)
            return ("", false)
        default:
            count(.replyEndless)
            return (String(repeating: "2", count: 9000), false)
        }
    }

    /// Nanoseconds.
    func replyDelay() -> UInt64 {
        guard strikes(delayRate) else { return 0 }
        count(.replyLate)
        return UInt64(random.pick([1, 20, 61, 130])) * 1_000_000_000
    }

    /// - Parameter permanent: what has mail returned, too.
    func programTrouble(permanent: Bool) -> ProgramTrouble? {
        guard strikes(programRate) else { return nil }
        let isLate = random.oneIn(4)
        switch random.below(permanent ? 8 : 4) {
        case 0:
            count(.programNotStarted)
            return ProgramTrouble(end: .notStarted(step: "", reason: ""), comesLate: false)
        case 1:
            count(.programKilled)
            return ProgramTrouble(end: .killed(signal: 9), comesLate: isLate)
        case 2:
            count(.programSaysLater)
            return ProgramTrouble(end: .exited(1), output: "4.2.1 come again", comesLate: isLate)
        case 3: return exit(random.pick([71, 75]), isLate)
        case 4:
            count(.programSaysNo)
            return ProgramTrouble(end: .exited(1), output: "5.7.1 never", comesLate: isLate)
        case 5:
            count(.programHangs)
            return ProgramTrouble(end: .timedOut, comesLate: isLate)
        default: return exit(random.within(64...78), isLate)
        }
    }

    private func exit(_ code: Int, _ isLate: Bool) -> ProgramTrouble {
        if let trouble = Trouble(rawValue: "programExits\(code)") { count(trouble) }
        return ProgramTrouble(end: .exited(code), comesLate: isLate)
    }

    /// How a peer goes about STARTTLS.
    enum TLSConduct { case right, refuses, isSilent, talksNonsense, injects, breaksOff }

    func tlsConduct(ofServer: Bool) -> TLSConduct {
        guard strikes(tlsRate) else { return .right }
        let all = [TLSConduct.isSilent, .talksNonsense, .injects, .breaksOff, .refuses]
        let conduct = all[random.below(ofServer ? 5 : 4)]
        switch conduct {
        case .right: break
        case .refuses: count(.startTLSRefused)
        case .isSilent: count(.handshakeSilent)
        case .talksNonsense: count(.handshakeGarbled)
        case .injects: count(.plaintextInjected)
        case .breaksOff: count(.handshakeCut)
        }
        return conduct
    }

    /// Octets of a TLS connection, one of them perhaps no more what it was.
    func damaged(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty, strikes(tlsRate * 4) else { return bytes }
        count(.recordDamaged)
        var bytes = bytes
        bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8))
        return bytes
    }

    func authenticationGreeting() -> ServiceConduct? {
        guard strikes(authenticationRate) else { return nil }
        count(.authenticationGreetsWrongly)
        return random.pick([.hangs, .dies, .lies])
    }

    func authenticationTrouble() -> ServiceConduct {
        guard strikes(authenticationRate) else { return .right }
        let conduct = random.pick([ServiceConduct.hangs, .dies, .lies])
        switch conduct {
        case .right: break
        case .hangs: count(.authenticationHangs)
        case .dies: count(.authenticationDies)
        case .lies: count(.authenticationLies)
        }
        return conduct
    }

    /// Nobody listens at Dovecot's socket.
    func authenticationIsDown() -> Bool {
        guard strikes(authenticationRate) else { return false }
        count(.authenticationRefuses)
        return true
    }

    func connectionFaults() -> Connection.Faults {
        var faults = Connection.Faults()
        if isOn, random.oneIn(10) {
            count(.bytesInPieces)
            faults.pieceLimit = random.within(1...20)
        }
        guard strikes(networkRate) else { return faults }
        faults.cutAfter[random.below(2)] = random.below(random.oneIn(2) ? 400 : 3000)
        faults.isSilentCut = random.oneIn(3)
        return faults
    }

    func connectAnswer() -> CInt? {
        guard strikes(remoteRate) else { return nil }
        let code = random.pick([ECONNREFUSED, EHOSTUNREACH, 0])
        count(code == 0 ? .hostSilent : .connectionRefused)
        return code
    }
}
