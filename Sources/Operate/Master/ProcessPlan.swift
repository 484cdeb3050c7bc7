import Configuration

/// The daemon processes of Apus and which of Postfix's programs each hosts (ARCHITECTURE.md).
public enum ProcessKind: String, CaseIterable, Sendable {
    case queue, receive, send, deliver

    /// Nil for programs that Apus does not have (yet).
    static func hosting(_ program: String) -> ProcessKind? {
        switch program {
        case "smtpd": .receive
        case "pickup", "cleanup", "qmgr", "oqmgr", "nqmgr", "trivial-rewrite", "bounce", "flush", "showq", "anvil",
            "proxymap", "postlogd", "verify", "tlsmgr", "scache":
            .queue
        case "smtp", "lmtp", "error", "discard": .send
        case "local", "virtual", "pipe", "spawn": .deliver
        default: nil
        }
    }

    /// Programs of Postfix that are known but not there yet: what that means for the administrator.
    static let missing: [String: String] = [
        "postscreen": "clients connect to smtpd services only", "dnsblog": "only postscreen uses it",
        "tlsproxy": "only postscreen and smtp connection reuse use it", "qmqpd": "the port stays closed",
    ]

    /// `send` and `deliver` start with the first delivery: an idle server stays small.
    var startsOnDemand: Bool { self == .send || self == .deliver }

    /// Two of them must not work on one queue at the same time: the old one ends before the new one starts.
    var isExclusive: Bool { self == .queue }

    /// Keeps root: each delivery runs as its recipient.
    var keepsPrivileges: Bool { self == .deliver }
}

/// One process to run: services of one kind with the same root directory.
struct PlannedProcess: Hashable, Sendable {
    struct Key: Hashable, Sendable {
        var kind: ProcessKind
        var isChrooted: Bool

        /// `receive`, `receive (chroot)` in log lines.
        var description: String { kind.rawValue }
    }

    var key: Key
    /// Indices of the services in master.cf's order.
    var services: [Int]
}

/// How the services of a master.cf share processes.
struct ProcessPlan: Sendable {
    var processes: [PlannedProcess] = []
    /// Services that nothing runs, with the reason.
    var skipped: [(service: Int, reason: String)] = []

    init(_ services: [MasterService]) {
        var members: [PlannedProcess.Key: [Int]] = [:]
        // The queue is one process: it is chrooted only when every one of its services may be.
        let queueIsChrooted = services.filter { ProcessKind.hosting($0.program) == .queue }.allSatisfy(\.isChrooted)
        for (index, service) in services.enumerated() {
            guard let kind = ProcessKind.hosting(service.program) else {
                // `postfix start` and `postfix reload` do what this one is for.
                if service.program != "nbdb_reindexd" { skipped.append((index, Self.reason(service))) }
                continue
            }
            let isChrooted = kind == .queue ? queueIsChrooted : service.isChrooted
            members[PlannedProcess.Key(kind: kind, isChrooted: isChrooted), default: []].append(index)
        }
        for kind in ProcessKind.allCases {
            for isChrooted in [false, true] {
                let key = PlannedProcess.Key(kind: kind, isChrooted: isChrooted)
                if let services = members[key] { processes.append(PlannedProcess(key: key, services: services)) }
            }
        }
    }

    private static func reason(_ service: MasterService) -> String {
        if let consequence = ProcessKind.missing[service.program] {
            return "\(service.program) is not implemented yet: \(consequence)"
        }
        return "unknown program \(service.command): the service is not available"
    }
}
