import MailSyntax

/// Brings a master.cf to what a current system needs: services that came later, and fields that changed their meaning.
/// What the administrator wrote stays as it is otherwise. Pure.
struct MasterFileUpgrade {
    private(set) var lines: [String]
    /// `adding missing entry for relay service`
    private(set) var changes: [String] = []

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
    }

    var text: String { lines.map { $0 + "\n" }.joined() }

    mutating func run() {
        add("relay", "service", "relay\t  unix\t-\t-\tn\t-\t-\tsmtp")
        add("flush", "service", "flush     unix  n       -       n       1000?   0       flush", program: "flush")
        add("trace", "service", "trace\t  unix\t-\t-\tn\t-\t0\tbounce", program: "bounce")
        add("verify", "service", "verify\t  unix\t-\t-\tn\t-\t1\tverify", program: "verify")
        set("verify", .processLimit, from: ["0"], to: "1", "setting verify process limit to 1", program: "verify")
        set(
            "pickup", .unprivileged, from: ["n"], to: "-", "making the pickup service unprivileged", kind: "fifo")
        for name in ["cleanup", "flush"] {
            set(name, .isPrivate, from: ["-", "y"], to: "n", "making the \(name) service public", kind: "unix")
        }
        add("proxymap", "service", "proxymap  unix\t-\t-\tn\t-\t-\tproxymap", program: "proxymap")
        add("anvil", "service", "anvil\t  unix\t-\t-\tn\t-\t1\tanvil", program: "anvil")
        add("scache", "service", "scache\t  unix\t-\t-\tn\t-\t1\tscache", program: "scache")
        add("discard", "service", "discard\t  unix\t-\t-\tn\t-\t-\tdiscard", program: "discard")
        updateTLSManager()
        add("tlsmgr", "service", "tlsmgr    unix  -       -       n       1000?   1       tlsmgr", program: "tlsmgr")
        add("retry", "service", "retry     unix  -       -       n       -       -       error", program: "error")
        add(
            "proxywrite", "service", "proxywrite unix -       -       n       -       1       proxymap",
            program: "proxymap")
        set(
            "proxywrite", .processLimit, from: ["-"], to: "1", "setting proxywrite process limit to 1",
            program: "proxymap")
        addComment(
            "smtp", "postscreen", "postscreen TCP service",
            "#smtp      inet  n       -       n       -       1       postscreen")
        addComment(
            "smtpd", "smtpd", "smtpd unix-domain service",
            "#smtpd     pass  -       -       n       -       -       smtpd")
        addComment(
            "dnsblog", "dnsblog", "dnsblog unix-domain service",
            "#dnsblog   unix  -       -       n       -       0       dnsblog")
        addComment(
            "tlsproxy", "tlsproxy", "tlsproxy unix-domain service",
            "#tlsproxy  unix  -       -       n       -       0       tlsproxy")
        add(
            "postlog", "unix-domain datagram service",
            "postlog   unix-dgram n  -       n       -       1       postlogd")
    }

    /// A field of a service, by its place in the line.
    private enum Field: Int {
        case kind = 1
        case isPrivate, unprivileged, chroot, wakeUp, processLimit, program
    }

    private static func words(_ line: String) -> [Substring] { line.split { $0 == " " || $0 == "\t" } }

    /// Lines that begin an entry of the service.
    private func entries(_ name: String, commented: Bool = false) -> [Int] {
        lines.indices.filter { index in
            var line = lines[index][...]
            if commented { line = line.drop { $0 == "#" } }
            return line.first != " " && line.first != "\t" && Self.words(String(line)).first == name[...]
        }
    }

    private mutating func add(_ name: String, _ what: String, _ entry: String, program: String? = nil) {
        let found = entries(name).contains { index in
            program.map({ Self.words(lines[index]).contains($0[...]) }) ?? true
        }
        if found { return }
        changes.append("adding missing entry for \(name) \(what)")
        lines.append(entry)
    }

    /// An entry that is offered, not turned on.
    private mutating func addComment(_ name: String, _ program: String, _ what: String, _ entry: String) {
        if entries(name, commented: true).contains(where: { Self.words(lines[$0]).contains(program[...]) }) { return }
        changes.append("adding missing entry for \(what)")
        lines.append(entry)
    }

    private mutating func set(
        _ name: String, _ field: Field, from old: [String], to new: String, _ change: String, kind: String? = nil,
        program: String? = nil
    ) {
        var changed = false
        for index in entries(name) {
            let words = Self.words(lines[index])
            guard words.count > field.rawValue, old.contains(String(words[field.rawValue])),
                kind == nil || String(words[1]) == kind,
                program == nil || words.contains(where: { String($0) == program })
            else { continue }
            replace(index, words[field.rawValue], new)
            changed = true
        }
        if changed { changes.append(change) }
    }

    private mutating func updateTLSManager() {
        for index in entries("tlsmgr") {
            let words = Self.words(lines[index])
            guard words.count > Field.wakeUp.rawValue, words[1] == "fifo" else { continue }
            let wakeUp = words[Field.wakeUp.rawValue]
            if wakeUp.allSatisfy(\.isNumber) { replace(index, wakeUp, wakeUp + "?") }
            replace(index, Self.words(lines[index])[1], "unix")
            changes.append("updating the tlsmgr from fifo to unix service")
        }
    }

    /// - Parameter word: a part of this line.
    private mutating func replace(_ index: Int, _ word: Substring, _ new: String) {
        var line = lines[index]
        line.replaceSubrange(word.startIndex..<word.endIndex, with: new)
        lines[index] = line
    }
}
