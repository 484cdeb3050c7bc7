import Configuration
import MailSystem

/// The command attributes of a pipe(8) line in master.cf.
struct PipeAttributes: Sendable, Equatable {
    var argv: [String] = []
    var user = ""
    /// Empty: the user's own group.
    var group = ""
    var chroot: String?
    var directory: String?
    var eol: [UInt8] = [UInt8(ascii: "\n")]
    var nullSender = "MAILER-DAEMON"
    /// 0: no limit.
    var sizeLimit = 0
    var flags: Set<Character> = []

    static let knownFlags: Set<Character> = ["B", "D", "F", "O", "R", "X", "h", "q", "u", ".", ">"]

    /// - Throws: what is wrong, in a line for the log.
    init(_ arguments: [String]) throws(ConfigurationError) {
        for (index, argument) in arguments.enumerated() {
            let (name, value) = Self.split(argument)
            switch name {
            case "argv":
                argv = ([value] + arguments[(index + 1)...]).compactMap { $0.isEmpty ? nil : $0 }
                try check()
                return
            case "user":
                let parts = value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                user = String(parts.first ?? "")
                group = parts.count > 1 ? String(parts[1]) : ""
            case "chroot": chroot = value
            case "directory": directory = value
            case "null_sender": nullSender = value
            case "eol": eol = Self.unescape(value)
            case "size":
                guard let number = Int(value), number >= 0 else {
                    throw ConfigurationError("bad value for size= command-line attribute: \(value)")
                }
                sizeLimit = number
            case "flags":
                for flag in value {
                    guard Self.knownFlags.contains(flag) else {
                        throw ConfigurationError("unknown flag: \(flag), ignored")
                    }
                    flags.insert(flag)
                }
            default: throw ConfigurationError("unknown attribute name: \(name)")
            }
        }
        try check()
    }

    private func check() throws(ConfigurationError) {
        if user.isEmpty { throw ConfigurationError("missing user= command-line attribute") }
        if argv.isEmpty { throw ConfigurationError("missing argv= command-line attribute") }
    }

    private static func split(_ argument: String) -> (name: String, value: String) {
        guard let equals = argument.firstIndex(of: "=") else { return (argument, "") }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }

    /// C escapes: \a \b \f \n \r \t \v \ddd \\.
    static func unescape(_ text: String) -> [UInt8] {
        let letters: [UInt8: UInt8] = [
            UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
            UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11,
        ]
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else {
                output.append(byte)
                continue
            }
            if let control = letters[next] {
                output.append(control)
            } else if (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(next) {
                var value = Int(next - UInt8(ascii: "0"))
                for _ in 0..<2 {
                    guard let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit) else { break }
                    value = value * 8 + Int(digit - UInt8(ascii: "0"))
                    rest.removeFirst()
                }
                output.append(UInt8(truncatingIfNeeded: value))
            } else {
                output.append(next)
            }
        }
        return output
    }

    /// The identity to run with. Blocks.
    func identity(
        mailOwner: UInt32, users: any UserDatabase = SystemUsers()
    ) throws(ConfigurationError) -> Spawn.Identity {
        let account: UserAccount?
        var gid: UInt32?
        do throws(SystemError) {
            account = try users.lookup(name: user)
            if !group.isEmpty { gid = try users.group(name: group) }
        } catch {
            throw ConfigurationError("\(error)")
        }
        guard let account else { throw ConfigurationError("get_service_attr: unknown username: \(user)") }
        if !group.isEmpty, gid == nil { throw ConfigurationError("get_service_attr: unknown group: \(group)") }
        let chosen = gid ?? account.gid
        if account.uid == 0 {
            throw ConfigurationError("user= command-line attribute specifies root privileges")
        }
        if chosen == 0 { throw ConfigurationError("user= command-line attribute specifies root group privileges") }
        if account.uid == mailOwner, Privileges.isRoot {
            throw ConfigurationError("user= command-line attribute specifies mail system owner \(user)")
        }
        return Spawn.Identity(uid: account.uid, gid: chosen, groups: [chosen])
    }
}
