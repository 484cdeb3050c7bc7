import Testing

@testable import Deliver

@Suite struct LocalTargetTests {
    @Test(arguments: [
        ("alice, bob@v.test", [LocalTarget.address("alice"), .address("bob@v.test")]),
        ("\"|/bin/cat -n, x\", \\root", [.command("/bin/cat -n, x"), .address("\\root")]),
        ("|\"exit 67\"", [.command("exit 67")]),
        ("|/bin/cat", [.command("/bin/cat")]),
        ("/var/log/x, ~/Maildir/, \"/a b\"", [.file("/var/log/x"), .file("~/Maildir/"), .file("/a b")]),
        (":include:/etc/list, :INCLUDE:\"/a b\"", [.include("/etc/list"), .include("/a b")]),
        ("Bob B. <bob@x.test> (the, one), c@x", [.address("bob@x.test"), .address("c@x")]),
        ("", []), (" , ,", []),
    ])
    func values(text: String, expected: [LocalTarget]) {
        #expect(LocalTarget.parse(text) == expected)
    }

    @Test func files() {
        let text = "# comment\nalice,\n bob\n\n\"|cat >/tmp/x\"\n"
        #expect(
            LocalTarget.parse(file: Array(text.utf8)) == [.address("alice"), .address("bob"), .command("cat >/tmp/x")])
    }
}
