import Glibc

/// Why a file could not be read or written.
struct FileProblem: Error {
    let reason: String
    /// Somebody may be writing the file at the moment.
    var mayPass = false

    init(_ reason: String, mayPass: Bool = false) {
        self.reason = reason
        self.mayPass = mayPass
    }

    init(errno: CInt) { self.init(String(cString: strerror(errno))) }
}
