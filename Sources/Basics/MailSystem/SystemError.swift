import Glibc

/// A system call that failed: what was attempted, on what, and the errno value.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    public let operation: String
    public let path: String
    public let errno: CInt

    public init(_ operation: String, path: String = "", errno: CInt = Glibc.errno) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// The C library's text for the error, such as `No such file or directory`.
    public var reason: String { String(cString: strerror(errno)) }

    public var description: String {
        path.isEmpty ? "\(operation): \(reason)" : "\(operation) \(path): \(reason)"
    }
}
