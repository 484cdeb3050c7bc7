import MailSyntax
import Testing

/// The results are those of Debian's cleanup, with no domain appended.
@Suite struct AddressListTests {
    private func rewritten(_ text: String) -> String {
        AddressText.headerLines(AddressListParser.parse(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
            .joined(separator: ", ")
    }

    @Test(arguments: [
        ("foo, bar", "foo, bar"), ("\"Foo, Bar\" <foo>, <bar> (x)", "\"Foo, Bar\" <foo>, <bar>(x)"),
        ("foo bar", "foo, bar"),
        ("group: foo, bar;, baz", "group: foo, bar;, baz"), ("foo (c1) @ (c2) bar, x", "foo@bar (c1) (c2), x"),
        ("foo>", "foo>"), ("<foo> <bar>", "<foo> <bar>"), ("foo,,bar", "foo, , bar"), ("foo;bar", "foo;, bar"),
        ("\"unterminated", "\"unterminated\""), ("Joe\n\t(comment\n folded) <joe>", "Joe (comment  folded) <joe>"),
        // Vertical tab and form feed are no white space, and controls need quotes; a tab is a blank but in comments.
        ("a\\\u{0B}b@c", "\"a\u{0B}b\"@c"), ("\"q\\\u{0B}\u{0C}\t\"@c", "\"q\u{0B}\u{0C} \"@c"),
        ("x\\\tq@c", "\"x q\"@c"), ("p\u{0B} <q>", "\"p\u{0B}\" <q>"), ("p\u{01} <q>", "\"p\u{01}\" <q>"),
        ("p\u{7F} <q>", "\"p\u{7F}\" <q>"), ("y@[z\\\tz\u{0C}]", "y@[z z\u{0C}]"),
        ("(c\n\td \n e\tf\u{0B})d@c", "d@c (c \td   e\tf\u{0B})"), ("\\a <q>", "a <q>"),
        ("(c\\\n d)d@c, (e\\\\\n f\\) g) <q>", "d@c (c\\  d), (e\\\\  f\\) g) <q>"),
        ("=\"x\"= <f>", "= \"x\" = <f>"), ("a\"b\"c", "a, \"b\", c"), ("x (a) (b) y", "x, y (a) (b)"),
        ("<foo>bar", "<foo>, bar"),
        ("foo <a>, (c) , bar", "foo <a>, (c), bar"), ("a b <c> d <e>", "a b <c>d <e>"), ("<foo bar>", "<foobar>"),
        ("undisclosed-recipients:;, foo", "undisclosed-recipients: ;, foo"), ("a: b; c: d;", "a:b;c: d;"),
        ("(c) foo", "foo (c)"),
        ("a[b]c, x", "a, [b], c, x"), (";foo", ";, foo"), ("a <b>: c;", "a <b>: c;"), ("x, a b: c;", "x, a b: c;"),
        ("> foo", ">, foo"), ("a >> b", "a>>, b"), ("<<a>>", "< <a>>"), ("<a> <b", "<a>, <b"),
        ("foo; bar <x>", "foo;bar <x>"),
        ("g1: a;, g2: b;", "g1: a;, g2: b;"), ("a:<b>;", "a: <b>;"), ("a: ;b <c>", "a: ;b <c>"),
        ("a: b <c>, d;, e", "a: b <c>, d;, e"),
        ("a; <b>", "a; <b>"), ("a:b;;c", "a: b;;, c"), ("a: b: c;", "a:b: c;"), ("foo bar: <x>", "foo, bar: <x>"),
        ("a: (c) b;", "a: b (c);"),
        ("a: b; (c), d", "a: b;(c), d"), ("a,", "a, "), ("<a> (x) <b>", "<a>(x) <b>"), ("a [b] <c>", "a [b] <c>"),
        ("(a)) b", ")b (a)"),
        ("a<(x)b(y)>c", "a <b (x) (y)>, c"), ("a:b <c>", "a:b <c>"), ("<a>:b", "<a>, :b"), ("a \\( b", "a, \"(\", b"),
        ("foo\\ bar", "\"foo bar\""), ("a (\\( b) c", "a, c (\\( b)"), ("(unterminated foo", "(unterminated foo"),
        ("[lit, foo", "[lit, foo]"),
    ])
    func writesListsAnew(text: String, expected: String) {
        #expect(rewritten(text) == expected)
    }

    @Test func dropsOversizedDecoration() {
        #expect(
            rewritten("a (\(String(repeating: "c", count: 300))), \(String(repeating: "p ", count: 200))<d>, e")
                == "<a>, <d>, e")
    }

    @Test func readsNoMoreTokensThanAllowed() {
        #expect(AddressListParser.addresses("a, b, c, d".utf8, limit: 3) == ["a", "b"])
    }

    @Test(
        arguments: [
            ("<foo bar>", nil), ("foo", "foo"), ("<foo", nil), ("foo>", "foo"), ("<\"a b\"@c>", "a b@c"),
            ("< a@b >", "a@b"),
            ("<@x,@y:a@b>", "a@b"), ("@x:a@b", "a@b"), ("<(c)a@b>", "a@b"), ("<a@b (c)>", "a@b"), ("<a@b,c@d>", nil),
            ("<a@b>,<c@d>", nil), ("(c)", ""), ("<>", ""), ("<\"\">", ""), ("<\"\"@b>", "@b"), ("<a;b>", nil),
            ("<<a@b>>", "a@b"),
            ("<a@b@c>", "a@b@c"), ("<.a@b>", ".a@b"), ("<a@[1.2.3.4]>", "a@[1.2.3.4]"),
        ] as [(String, String?)])
    func paths(text: String, address: String?) {
        // What a command line would give as one word.
        let wellFormed = SMTPTokenizer.tokens(text).allSatisfy(\.isWellFormed)
        #expect(SMTPPath.address(SMTPToken(text, isWellFormed: wellFormed)) == address)
    }

    @Test(arguments: [("a@b", nil), ("<a@b>", "a@b"), ("<a@b (c)>", nil), ("<>", "")] as [(String, String?)])
    func strictPaths(text: String, address: String?) {
        #expect(SMTPPath.address(SMTPToken(text), strict: true) == address)
    }
}
