import CommandReference
import Configuration
import Glibc
import MailSystem
import Testing

@testable import Operate

@Suite struct PostconfTests {
    @Test(arguments: [
        ("smtp inet n - n - - smtpd", "smtp       inet  n       -       n       -       -       smtpd"),
        (
            "a unix - n n - 0 p -o { x = 1 2 } -vo y=z w",
            "a          unix  -       n       n       -       0       p -o {x=1 2} -v -o y=z w"
        ),
        (
            "averyverylongservicename/foo unix - n n - 100000000 smtp",
            "averyverylongservicename/foo unix - n n  -       100000000 smtp"
        ),
        ("x unix - n n - - pipe a { b c }", "x          unix  -       n       n       -       -       pipe a {b c}"),
    ])
    func showsServices(_ line: String, _ text: String) throws {
        #expect(try MasterEntry(line).text(folded: false) == text)
    }

    @Test func foldsServices() throws {
        let entry = try MasterEntry("foo unix - n n - 0 other -voaaa=bbb -vo ccc=bbb -stuffo{d=e} f")
        #expect(
            entry.text(folded: true) == """
                foo        unix  -       n       n       -       0       other -v
                    -o aaa=bbb
                    -v
                    -o ccc=bbb
                    -stuff
                    -o d=e
                    f
                """)
    }

    @Test(arguments: [
        ("bar xxxx - n n - 0 other", "invalid type field \"xxxx\" in \"bar xxxx - n n - 0 other\""),
        ("bar inet - n X - 0 other", "invalid chroot field \"X\" in \"bar inet - n X - 0 other\""),
        ("bar inet - n n X 0 other", "invalid wakeup field \"X\" in \"bar inet - n n X 0 other\""),
        ("bar inet", "bad field count"),
    ])
    func refusesBadServices(_ line: String, _ text: String) {
        do {
            _ = try MasterEntry(line)
            Issue.record("accepted \(line)")
        } catch {
            #expect(error.text == text)
        }
    }

    private func edit(_ file: String, _ text: String, _ arguments: [String]) throws -> String {
        var template = Array("/tmp/apus-postconf.XXXXXX".utf8CString)
        let folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        let path = "\(folder)/\(file)"
        defer {
            unlink(path)
            rmdir(folder)
        }
        try Files.writeAtomically(Array(text.utf8), to: path)
        #expect(PostconfCommand.run(["-c", folder] + arguments) == 0)
        #expect(!Files.exists("\(path).tmp"))
        return try Files.readText(path)
    }

    static let main = "# head\nrelayhost = a\n  b\n# inner\n  c\nmyorigin=x\n#foo = bar\n"

    @Test(arguments: [
        (["relayhost= q ", "new=5"], "# head\nrelayhost = q\n# inner\nmyorigin=x\n#foo = bar\nnew = 5\n"),
        (["-X", "relayhost", "none"], "# head\n# inner\nmyorigin=x\n#foo = bar\n"),
        (["-#", "relayhost"], "# head\n#relayhost = a\n#  b\n# inner\n#  c\nmyorigin=x\n#foo = bar\n"),
    ])
    func editsMainCf(_ arguments: [String], _ result: String) throws {
        #expect(try edit("main.cf", Self.main, arguments) == result)
    }

    static let master = "# c\nsmtp inet n - y - - smtpd\nsub inet n - y - - smtpd\n  -o a=1\n"

    @Test(arguments: [
        (
            ["-F", "smtp/inet/chroot=n"],
            "# c\nsmtp       inet  n       -       n       -       -       smtpd\nsub inet n - y - - smtpd\n  -o a=1\n"
        ),
        (
            ["-P", "sub/inet/a=2"],
            "# c\nsmtp inet n - y - - smtpd\nsub        inet  n       -       y       -       -       smtpd\n    -o a=2\n"
        ),
        (
            ["-PX", "sub/inet/a"],
            "# c\nsmtp inet n - y - - smtpd\nsub        inet  n       -       y       -       -       smtpd\n"
        ),
        (["-MX", "smtp/inet"], "# c\nsub inet n - y - - smtpd\n  -o a=1\n"),
        (["-M#", "sub/inet"], "# c\nsmtp inet n - y - - smtpd\n#sub inet n - y - - smtpd\n#  -o a=1\n"),
        (
            ["-M", "x/unix=x unix - n n - 0 y"],
            "# c\nsmtp inet n - y - - smtpd\nsub inet n - y - - smtpd\n  -o a=1\nx          unix  -       n       n       -       0       y\n"
        ),
    ])
    func editsMasterCf(_ arguments: [String], _ result: String) throws {
        #expect(try edit("master.cf", Self.master, arguments) == result)
    }

    /// An entry that is not asked for may be wrong; comments behind an entry move as Postfix moves them.
    @Test(arguments: [
        (
            ["-Fe", "b/unix/chroot=n"],
            "a unix n bad n - - x\n# c\nb          unix  n       n       n       -       -       y\n"
        ),
        (
            ["-Me", "b/*=c unix n n n - - z"],
            "a unix n bad n - - x\nc          unix  n       n       n       -       -       z\n# c\n"
        ),
    ])
    func leavesOtherEntriesAlone(_ arguments: [String], _ result: String) throws {
        #expect(try edit("master.cf", "a unix n bad n - - x\nb unix n n y - - y\n# c\n", arguments) == result)
    }

    @Test func explainsAParameter() throws {
        let parameters = try Parameters(text: "myhostname = mail.$dom\ndom = example.com\n")
        let master = try MasterText(Array("smtp inet n - n - - smtpd -o myhostname=other\n".utf8), path: "master.cf")
        let options = try PostconfOptions(["--explain", "--json", "myhostname"])
        #expect(options.explains)
        #expect(options.json)
        let model = PostconfModel(
            parameters: parameters, master: master.entries, options: options, showsDirectory: false, warn: { _ in })
        let text = try #require(Explanation(model: model, json: false).text("myhostname"))
        let facts = text.split(separator: "\n").map {
            $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        #expect(facts.first == "myhostname")
        for fact in [
            "value mail.$dom", "set in main.cf:1", "in force mail.example.com", "$dom example.com",
            "in smtp/inet other",
        ] {
            #expect(facts.contains(fact), "\(text)")
        }
        #expect(Explanation(model: model, json: true).text("nonexistent") == nil)
    }

    @Test func readsOptionsAsGetoptDoes() throws {
        var scanner = OptionScanner(["-ab", "-cvalue", "-c", "next", "--", "-x"], options: "abc:")
        var seen: [String] = []
        while let (option, value) = try scanner.nextPair(usage: "") { seen.append("\(option)\(value)") }
        #expect(seen == ["a", "b", "cvalue", "cnext"])
        #expect(scanner.operands == ["-x"])
    }
}
