import MailSyntax

/// Keeps the compiler from leaving out a computation whose result nobody uses.
@inline(never) func keep<T>(_ value: T) {}

func parserBenchmarks() -> [Benchmark] {
    let mail = Array("MAIL FROM:<some.body+extension@mail.example.com> SIZE=4096 BODY=8BITMIME RET=HDRS ENVID=x".utf8)
    let recipient = Array("RCPT TO:<somebody@example.com>".utf8)
    let list = Array(
        "\"Doe, Jane\" <jane@example.com>, john@example.org (John), group: a@example.net, b@example.net;".utf8)
    let reply = "somebody+extension@mail.example.com"
    return [
        Benchmark(name: "SMTP command line: MAIL with parameters", threshold: 12) {
            keep(SMTPCommandParser.parse(mail))
        },
        Benchmark(name: "SMTP command line: RCPT", threshold: 10) { keep(SMTPCommandParser.parse(recipient)) },
        Benchmark(name: "address: split and extension", threshold: 3) {
            let (local, domain) = EmailAddress.split(reply)
            keep(domain)
            keep(EmailAddress.splitExtension(local, delimiters: "+"))
        },
        Benchmark(name: "address list of a header", threshold: 60) {
            keep(AddressListParser.addresses(list))
        },
    ]
}
