import Glibc
import MailSystem
import Testing

/// Debian's Postfix on scratch directories and a loopback port: the oracle of the dialogues.
final class DebianPostfix {
    static let isPresent =
        getuid() == 0 && access("/usr/lib/postfix/sbin/smtpd", X_OK) == 0 && access("/usr/sbin/postfix", X_OK) == 0

    private let root: String
    /// A port for each dialogue.
    let ports: [String: Int]

    init(_ dialogues: [(name: String, parameters: [String: String])]) throws {
        var template = Array("/tmp/apus-oracle-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SystemError("mkdtemp") }
        root = String(cString: made)
        chmod(root, 0o755)
        let owner = try #require(try Users.lookup(name: "postfix"))
        for folder in ["conf", "queue", "data"] { mkdir("\(root)/\(folder)", 0o755) }
        chown("\(root)/data", owner.uid, owner.gid)
        var ports: [String: Int] = [:]
        var services = ""
        for (index, dialogue) in dialogues.enumerated() {
            let port = 20_100 + Int(getpid()) % 900 * 10 + index
            ports[dialogue.name] = port
            services += "127.0.0.1:\(port) inet n - n - - smtpd\n"
            for (name, value) in dialogue.parameters.sorted(by: { $0.key < $1.key }) {
                services += "  -o { \(name) = \(value) }\n"
            }
        }
        self.ports = ports
        try write("conf/main.cf", Self.main(root))
        try write("conf/master.cf", services + Self.internalServices)
        guard system("/usr/sbin/postfix -c \(root)/conf start >/dev/null 2>&1") == 0 else {
            throw SystemError("start postfix")
        }
    }

    deinit { system("/usr/sbin/postfix -c \(root)/conf stop >/dev/null 2>&1; rm -rf \(root)") }

    private func write(_ path: String, _ text: String) throws {
        try Files.writeAtomically(Array(text.utf8), to: "\(root)/\(path)")
    }

    private static func main(_ root: String) -> String {
        """
        compatibility_level = 3.6
        queue_directory = \(root)/queue
        data_directory = \(root)/data
        maillog_file = \(root)/log
        maillog_file_prefixes = /tmp
        myhostname = mail.example.com
        mydestination = example.com
        myorigin = example.com
        mynetworks = 127.0.0.2/32
        inet_interfaces = loopback-only
        inet_protocols = ipv4
        local_recipient_maps = inline:{foo=x,bar=x,postmaster=x}
        alias_maps =
        smtpd_peername_lookup = no
        default_transport = discard:
        local_transport = discard:
        fast_flush_domains = example.com
        smtpd_forbid_unauth_pipelining = yes
        smtpd_client_connection_count_limit = 0

        """
    }

    private static let internalServices = """
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        flush unix n - n 1000? 0 flush
        proxymap unix - - n - - proxymap
        discard unix - - n - - discard
        anvil unix - - n - 1 anvil
        tlsmgr unix - - n 1000? 1 tlsmgr
        postlog unix-dgram n - n - 1 postlogd

        """
}

@Suite("SMTP dialogues with Debian's Postfix", .enabled(if: DebianPostfix.isPresent))
struct OracleTests {
    @Test("the scripts hold what Postfix answers")
    func postfix() async throws {
        let dialogues = try ServerDialogue.names.map { (name: $0, dialogue: try ServerDialogue.named($0)) }
        let server = try DebianPostfix(dialogues.map { ($0.name, $0.dialogue.parameters) })
        for (name, dialogue) in dialogues {
            let port = try #require(server.ports[name])
            let differences = try await offPool { try dialogue.play(port: port) }
            #expect(differences == [], "\(name)")
        }
    }
}
