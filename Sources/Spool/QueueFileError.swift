import MailSystem

/// Why a queue file could not be read.
public enum QueueFileError: Error, Equatable, Sendable, CustomStringConvertible {
    case system(SystemError)
    /// The content is not a queue file: what is wrong, at which offset. Such a file goes to `corrupt/`.
    case corrupt(reason: String, offset: Int)

    public var description: String {
        switch self {
        case .system(let error): error.description
        case .corrupt(let reason, let offset): "\(reason) at offset \(offset)"
        }
    }
}
