import Configuration
import MailSyntax
import Routing
import Testing

/// The results are those of Debian's trivial-rewrite.
@Suite struct AddressRewriterTests {
    private func rewriter(_ more: [String: String] = [:]) -> AddressRewriter {
        var values = [
            "myhostname": "mail.home.example", "mydomain": "home.example", "myorigin": "$mydomain",
            "append_dot_mydomain": "no",
        ]
        values.merge(more) { $1 }
        return AddressRewriter(Parameters(values: values))
    }

    private func external(_ address: String, _ context: RewriteContext, _ more: [String: String] = [:]) -> String {
        rewriter(more).rewriteExternal(AddressScanner.tokens(address.utf8), context: context)
    }

    @Test(arguments: [
        ("!", "\"\"@", "\"\"@"), ("a!b", "b@a", "b@a"), ("a%b", "a@b", "a@b"), ("@", "\"\"", "\"\""),
        ("a@b.", "a@b", "a@b"), ("@a,@b:c", "c@home.example", "c"), ("a@", "a@", "a@"), ("\"\"", "\"\"", "\"\""),
        ("\"a b\"", "\"a b\"@home.example", "\"a b\""), ("a@b..", "a@b..", "a@b.."),
        ("a..@b", "\"a..\"@b", "\"a..\"@b"),
        ("a.", "\"a.\"@home.example", "a"), ("a@b@", "\"a@b\"@", "\"a@b\"@"), ("a%b@", "a%b@", "a%b@"),
        ("a%b%", "a%b@", "a%b@"), ("a!!b", "!b@a", "!b@a"), ("a@\"b\"", "a@b", "a@b"),
        ("a%[1.2]", "a@[1.2]", "a@[1.2]"),
        ("a;b", "\"a;b\"@home.example", "\"a;b\""), ("@a@b", "\"@a\"@b", "\"@a\"@b"),
        ("@a:b:c", "\"b:c\"@home.example", "\"b:c\""), ("a@.", "a@.", "a@."),
        (".", "\".\"@home.example", "\".\""), ("a!b.", "\"b.\"@a", "\"b.\"@a"),
    ])
    func rewritesWithoutCompletingDomains(address: String, local: String, remote: String) {
        #expect(external(address, .local) == local)
        #expect(external(address, .remote) == remote)
    }

    @Test(arguments: [
        ("a!b", "b@a.home.example", "b@a.invalid.example"), ("@", "\"\"", "\"\""),
        ("a@b", "a@b.home.example", "a@b.invalid.example"),
        ("a@b.", "a@b", "a@b"), ("%b", "\"\"@b.home.example", "\"\"@b.invalid.example"), ("a@.", "a@.", "a@."),
        ("a", "a@home.example", "a@invalid.example"), ("a@[1.2.3.4]", "a@[1.2.3.4]", "a@[1.2.3.4]"),
    ])
    func completesDomains(address: String, local: String, remote: String) {
        let more = ["append_dot_mydomain": "yes", "remote_header_rewrite_domain": "invalid.example"]
        #expect(external(address, .local, more) == local)
        #expect(external(address, .remote, more) == remote)
    }

    @Test(arguments: [
        ("", ""), ("user", "user@home.example"), ("a b", "a b@home.example"), ("a%b c", "a%b c@home.example"),
        ("a%b", "a@b"), ("a@b@c", "a@b@c"), ("A@B", "A@B"), ("a@b.c.", "a@b.c"),
    ])
    func internalForm(address: String, result: String) {
        #expect(rewriter().rewrite(address) == result)
    }

    @Test func switchesOff() {
        let off = ["append_at_myorigin": "no", "swap_bangpath": "no", "allow_percent_hack": "no"]
        #expect(rewriter(off).rewrite("a!b%c") == "a!b%c")
    }
}
