import MailSyntax
import Testing

/// Sender addresses as Debian's Postfix makes them.
@Test(arguments: [
    ("+=", "tester@smtp.example.com", "a@r.example", "tester+a=r.example@smtp.example.com"),
    ("-=", "tester@smtp.example.com", "q u@r.example", "tester-q u=r.example@smtp.example.com"),
    ("-=", "tester@smtp.example.com", "x+y@r.example", "tester-x+y=r.example@smtp.example.com"),
    ("+=", "tester+x@smtp.example.com", "root", "tester+x+root@smtp.example.com"),
])
func verpSender(delimiters: String, sender: String, recipient: String, expected: String) {
    #expect(VERPDelimiters(delimiters)?.sender(sender, for: recipient) == expected)
}

@Test(arguments: ["", "+", "+=-", "\u{e4}"])
func badVERPDelimiters(text: String) { #expect(VERPDelimiters(text) == nil) }
