import Lookup
import Testing

@testable import Operate

@Suite struct AliasReaderTests {
    private func read(_ source: String) -> (entries: [String], warnings: [String]) {
        var warnings: [String] = []
        var entries: [String] = []
        var reader = AliasReader("aliases", Array(source.utf8), options: [])
        while let entry = reader.next(warn: { warnings.append($0) }) {
            entries.append(String(decoding: entry.key + Array(" = ".utf8) + entry.value, as: UTF8.self))
        }
        return (entries, warnings)
    }

    @Test(arguments: [
        ("Postmaster: root", "Postmaster = root"),
        ("list: a, b ,\n   c,\"d e\"@example", "list = a, b, c, \"d e\"@example"),
        ("cmd: \"|/usr/bin/filter -a 'b c'\"", "cmd = \"|/usr/bin/filter -a 'b c'\""),
        ("incl: :include:/etc/list, \"/tmp/a b\"", "incl = :include:/etc/list, \"/tmp/a b\""),
        ("paren (comment): x (another) y", "paren (comment) = x (another) y"),
        ("group: friends: a, b;", "group = friends:a, b;"),
        ("k: a@b, \"c d\" @ e , <f@g>  (com ment), \\h", "k = a@b, \"c d\"@e, <f@g>(com ment), h"),
        ("l:: <a@b>", "l = : <a@b>"), ("m: <a@b>(c)<d>;<e>", "m = <a@b>(c) <d>; <e>"),
        ("t t: \"x", "t t = \"x\""),
        ("pipe: |\"x y\" | \"z\"", "pipe = |\"x y\"|\"z\""), ("bang: a!\"b\"", "bang = a!\"b\""),
        ("percent: a \\% b", "percent = a \"%\" b"), ("u: a\\,b", "u = \"a,b\""), ("v: \\", "v = "),
        ("\"john doe\": jd", "\"john doe\" = jd"),
    ])
    func normalisesEntries(_ source: String, _ entry: String) {
        #expect(read(source).entries == [entry])
    }

    @Test(arguments: [
        ("nocolon", "aliases, line 1: need name:value pair"), ("\nempty:", "aliases, line 2: need name:value pair"),
        ("a@b: c", "aliases, line 1: name must be local"), ("a,b: c", "aliases, line 1: need name:value pair"),
        ("@a,b: c", "aliases, line 1: need name:value pair"),
        ("  lead: x", "aliases: logical line must not start with whitespace: \"  lead: x\""),
    ])
    func warnsOfWhatIsNoEntry(_ source: String, _ warning: String) {
        let result = read(source)
        #expect(result.entries.isEmpty && result.warnings == [warning])
    }
}
