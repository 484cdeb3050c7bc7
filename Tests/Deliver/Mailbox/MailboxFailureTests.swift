import Glibc
import Testing

@testable import Deliver

/// What passes by itself, such as somebody else's lock file, never bounces mail: Debian's local defers it with 4.2.0.
@Test(arguments: [
    (EAGAIN, "4.2.0"), (ESTALE, "4.2.0"), (EEXIST, "4.2.0"), (ENOSPC, "4.3.0"), (EROFS, "4.3.0"), (EMFILE, "4.3.0"),
    (EDQUOT, "5.2.2"), (EFBIG, "5.2.2"), (EACCES, "5.2.0"),
])
func mailboxFailuresHaveTheirStatus(code: CInt, status: String) {
    let verdict = MailboxFailure.verdict("text", errno: Int(code), standard: "5.2.0")
    #expect(verdict == .failed(status, "text"))
}
