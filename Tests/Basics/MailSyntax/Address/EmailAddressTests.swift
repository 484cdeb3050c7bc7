import MailSyntax
import Testing

@Suite struct EmailAddressTests {
    @Test(arguments: [
        ("a@b", "a@b"), ("", ""), ("a b@c", "\"a b\"@c"), ("a@b@c@d", "\"a@b@c\"@d"), ("@b", "\"\"@b"),
        ("a..b@c", "\"a..b\"@c"), (".a@c", "\".a\"@c"), ("a.@c", "\"a.\"@c"), ("a\"b\\@c", "\"a\\\"b\\\\\"@c"),
        ("user", "user"), ("us er", "\"us er\""), ("jürgen@x", "jürgen@x"), ("a@[1.2.3.4]", "a@[1.2.3.4]"),
    ])
    func quoting(internalForm: String, external: String) {
        #expect(EmailAddress.quoted(internalForm) == external)
        #expect(EmailAddress.unquote(external) == internalForm)
    }

    @Test func unquotingOddForms() {
        #expect(EmailAddress.unquote("\"a@b@c\"@d@e") == "a@b@c@d@e")
        #expect(EmailAddress.unquote("\"a@b@c\"") == "a@b@c")
        #expect(EmailAddress.unquote("a\\ b@c") == "a b@c")
        #expect(EmailAddress.unquote("a@[\"x]") == "a@[\"x]")
    }

    @Test(
        arguments: [
            ("user+ext", "+", "user", "ext"), ("user", "+", "user", nil), ("+ext", "+", "+ext", nil),
            ("user+a+b", "+", "user", "a+b"), ("user-a+b", "+-", "user", "a+b"), ("user+", "+", "user", ""),
            ("owner-list", "-", "owner-list", nil), ("list-request", "-", "list-request", nil),
            ("owner+list", "+", "owner", "list"), ("MAILER-daemon", "-", "MAILER-daemon", nil),
            ("double-bounce", "-", "double-bounce", nil), ("user+ext", "", "user+ext", nil),
        ] as [(String, String, String, String?)])
    func extensions(local: String, delimiters: String, user: String, extensionPart: String?) {
        let result = EmailAddress.splitExtension(local, delimiters: delimiters)
        #expect(result.user == user)
        #expect(result.extension == extensionPart)
    }

    @Test func splitsAtTheLastAt() {
        #expect(EmailAddress.split("a@b@c") == ("a@b", "c"))
        #expect(EmailAddress.split("a@") == ("a", ""))
        #expect(EmailAddress.split("a") == ("a", nil))
    }
}
