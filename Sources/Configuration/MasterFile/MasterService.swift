/// One line of master.cf: master(5).
public struct MasterService: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case inet, unix, fifo, pass
        case unixDatagram = "unix-dgram"
    }

    /// How often master wakes the service up.
    public struct WakeUp: Sendable, Equatable {
        public var seconds: Int
        /// `1000?`: only when the service has been used.
        public var onlyIfUsed: Bool
    }

    public var name: String
    public var kind: Kind
    public var isPrivate: Bool
    public var isUnprivileged: Bool
    public var isChrooted: Bool
    public var wakeUp: WakeUp?
    /// 0: no limit.
    public var processLimit: Int
    public var command: String
    /// The arguments without the `-o` options; `{ … }` groups without their braces.
    public var arguments: [String]
    /// `-o name=value`, in order.
    public var overrides: [Override]
    /// Where it starts in master.cf.
    public var line: Int

    public struct Override: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    /// The program's name without directories: `smtpd`.
    public var program: String {
        command.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(command[command.utf8.index(after: $0)...]) }
            ?? command
    }

    /// `private/smtp`, `public/pickup`; nil for inet services.
    public var endpoint: String? { kind == .inet ? nil : (isPrivate ? "private/" : "public/") + name }

    /// The snapshot that this service's code reads: `parameters` with the overrides of this line.
    public func parameters(_ parameters: Parameters) -> Parameters {
        parameters.with(
            overrides: overrides.map { ($0.name, $0.value) }, service: name, processName: program, line: line)
    }
}
