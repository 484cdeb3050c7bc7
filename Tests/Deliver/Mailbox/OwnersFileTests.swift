import Glibc
import Testing

@testable import Deliver

/// A .forward file that cannot be read for a while is not a missing one: its user's mail waits.
@Test(arguments: [
    (EAGAIN, true), (EMFILE, true), (ENOMEM, true), (EIO, true), (ENOENT, false), (EPERM, false), (EACCES, false),
    (EINVAL, false),
])
func transientFailuresOfOwnersFiles(code: CInt, isTransient: Bool) {
    #expect(OwnersFile.isTransient(Int(code)) == isTransient)
}
