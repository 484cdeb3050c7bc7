import Glibc
import Testing

@testable import Configuration

/// The same files through Debian's postconf and through Apus: every value must agree, except where the documented default
/// has changed since Debian's version.
@Suite(.enabled(if: access("/usr/sbin/postconf", X_OK) == 0))
struct PostconfComparisonTests {
    static let files = [
        // Like the article's server.
        """
        myorigin = /etc/mailname
        myhostname = smtp.example.com
        smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
        compatibility_level = 2
        smtpd_tls_session_cache_database = btree:${data_directory}/smtpd_scache
        smtpd_recipient_restrictions = reject_invalid_hostname,
                reject_unknown_recipient_domain,
        # Haven't tested the below line yet
        #        reject_rbl_client sbl.spamhaus.org,
                permit
        relayhost =
        mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
        recipient_delimiter = +
        """,
        // Levels, stress, values that depend on others.
        """
        compatibility_level = 3.6
        stress = yes
        mydomain = example.net
        myhostname = mx.$mydomain
        inet_interfaces = loopback-only
        mynetworks_style = subnet
        multi_instance_name = postfix-two
        virtual_maps = hash:/etc/old
        """,
        """
        compatibility_level = 1
        myhostname = a.b.example.org
        inet_interfaces = 127.0.0.1
        mynetworks_style = class
        default_destination_concurrency_limit = 7
        relay_domains = $mydestination, ${{$compatibility_level} >level {0.9} ? {yes.example}:{no.example}}
        """,
    ]

    @Test(arguments: files)
    func agreesWithPostconf(_ text: String) throws {
        let directory = try ScratchDirectory()
        try directory.write("main.cf", text)
        try directory.write("master.cf", "smtp unix - - n - - smtp\n")
        let defaults = Self.table(run("/usr/sbin/postconf -d -c \(directory.path)"))
        let theirs = Self.table(run("/usr/sbin/postconf -x -c \(directory.path) 2>/dev/null"))
        let ours = try Parameters.load(directory: directory.path, processName: "postconf")
        var compared = 0
        for definition in ParameterCatalogue.all where definition.isListed {
            let name = definition.name
            guard let expected = theirs[name], name != "process_id", definition.kind != .raw else { continue }
            guard ours.isSet(name) || Self.collapsed(definition.defaultValue) == defaults[name] else { continue }
            // Values that name a parameter whose default has changed.
            let changed = MacroText.names(in: ours.raw(name) ?? definition.defaultValue).contains {
                !ours.isSet($0)
                    && ParameterCatalogue.definition($0).map { Self.collapsed($0.defaultValue) } != defaults[$0]
            }
            if changed && !["myorigin", "mydestination", "smtpd_banner"].contains(name) { continue }
            compared += 1
            #expect(Self.collapsed(ours[name]) == expected, "\(name)")
        }
        for name in ["myhostname", "mydomain", "mynetworks"] { #expect(ours[name] == theirs[name]) }
        #expect(compared > 700)
    }

    private static func table(_ text: String) -> [String: String] {
        var table: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let (name, value) = try? NameValue.split(String(line)) else { continue }
            table[name] = collapsed(value)
        }
        return table
    }

    private static func collapsed(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

/// What a shell command writes.
func run(_ command: String) -> String {
    guard let pipe = popen(command, "r") else { return "" }
    defer { pclose(pipe) }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&chunk, 1, chunk.count, pipe)
        if count == 0 { return String(decoding: output, as: UTF8.self) }
        output += chunk[0..<count]
    }
}

/// A directory of its own under /tmp, removed with the value.
final class ScratchDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
        chmod(path, 0o755)
    }

    func write(_ name: String, _ text: String) throws {
        let file = try #require(fopen("\(path)/\(name)", "w"))
        defer { fclose(file) }
        fputs(text, file)
    }

    deinit { _ = run("rm -rf \(path)") }
}
