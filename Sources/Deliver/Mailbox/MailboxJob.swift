import InternalProtocol

/// One message to be put into one mailbox. Done by whoever has the mailbox owner's identity.
struct MailboxJob: InternalRequest, Equatable {
    typealias Reply = MailboxOutcome
    static let kind: UInt8 = 20

    enum Format: UInt8, Sendable {
        case maildir = 1
        case mbox
        /// Delivers nothing: reads a .forward or :include: file with its owner's rights.
        case ownersFile
    }

    enum Lock: UInt8, Sendable {
        case fcntl = 1
        case flock, dotlock

        /// The names of mailbox_delivery_lock and virtual_mailbox_lock.
        init?(name: String) {
            switch name {
            case "fcntl": self = .fcntl
            case "flock": self = .flock
            case "dotlock": self = .dotlock
            default: return nil
            }
        }
    }

    var format: Format
    /// Of the mailbox file, or the maildir with its trailing slash.
    var path: String
    /// Lines before the message.
    var prefix: [UInt8]
    /// In the queue file.
    var dataOffset: Int
    /// Bytes a mailbox file may have in the end; 0: no limit.
    var sizeLimit = 0
    var locks: [Lock] = []
    var lockAttempts = 20
    var lockDelay = 1
    /// A dot lock this old (seconds) is taken away.
    var staleLockTime = 500
    /// The file must belong to `owner`.
    var isOwnershipStrict = true
    /// Uid of the recipient; a new file becomes its property.
    var owner: UInt32
    var group: UInt32
    /// For names of maildir files.
    var hostName: String
    /// `/dev/null` and the like are no regular files but may be asked for by aliases.
    var allowsDevices = false

    func encode(into writer: inout WireWriter) {
        writer.write(format.rawValue)
        writer.write(path)
        writer.write(prefix)
        writer.write(dataOffset)
        writer.write(sizeLimit)
        writer.write(locks) { $0.write($1.rawValue) }
        writer.write(lockAttempts)
        writer.write(lockDelay)
        writer.write(staleLockTime)
        writer.write(isOwnershipStrict)
        writer.write(owner)
        writer.write(group)
        writer.write(hostName)
        writer.write(allowsDevices)
    }

    init(
        format: Format, path: String, prefix: [UInt8], dataOffset: Int, owner: UInt32, group: UInt32, hostName: String
    ) {
        self.format = format
        self.path = path
        self.prefix = prefix
        self.dataOffset = dataOffset
        self.owner = owner
        self.group = group
        self.hostName = hostName
    }

    init(from reader: inout WireReader) throws(WireError) {
        guard let format = Format(rawValue: try reader.byte()) else { throw WireError("unknown mailbox format") }
        self.format = format
        path = try reader.string()
        prefix = try reader.bytes()
        dataOffset = try reader.int()
        sizeLimit = try reader.int()
        locks = try reader.array { (reader) throws(WireError) in
            guard let lock = Lock(rawValue: try reader.byte()) else { throw WireError("unknown lock") }
            return lock
        }
        lockAttempts = try reader.int()
        lockDelay = try reader.int()
        staleLockTime = try reader.int()
        isOwnershipStrict = try reader.bool()
        owner = try reader.uint32()
        group = try reader.uint32()
        hostName = try reader.string()
        allowsDevices = try reader.bool()
    }
}

/// How a `MailboxJob` ended.
enum MailboxOutcome: WireCodable, Equatable {
    /// Where the message begins in a mailbox file; 0 in a maildir.
    case delivered(offset: Int)
    /// What failed, with the system's words, and the errno value (0: none).
    case failed(String, errno: Int)
    /// The queue file cannot be read.
    case corruptMessage
    /// What stands in an owner's file, and the file's owner.
    case contents([UInt8], owner: UInt32)

    func encode(into writer: inout WireWriter) {
        switch self {
        case .delivered(let offset):
            writer.write(UInt8(0))
            writer.write(offset)
        case .failed(let text, let code):
            writer.write(UInt8(1))
            writer.write(text)
            writer.write(code)
        case .corruptMessage: writer.write(UInt8(2))
        case .contents(let bytes, let owner):
            writer.write(UInt8(3))
            writer.write(bytes)
            writer.write(owner)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.byte() {
        case 0: self = .delivered(offset: try reader.int())
        case 1: self = .failed(try reader.string(), errno: try reader.int())
        case 2: self = .corruptMessage
        case 3: self = .contents(try reader.bytes(), owner: try reader.uint32())
        default: throw WireError("unknown mailbox outcome")
        }
    }
}
