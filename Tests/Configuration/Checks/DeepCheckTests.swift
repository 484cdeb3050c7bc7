import MailSystem
import Testing

@testable import Configuration

struct DeepCheckTests {
    struct KnownFiles: DeepCheck.Files {
        /// Path to the time of its last change.
        var files: [String: Int] = [:]
        var mode: UInt32 = 0o100600
        var facts: CertificateFacts?
        var chainProblem: String?
        /// Table to what opening it says.
        var failures: [String: String] = [:]
        var warnings: [String: [String]] = [:]
        /// Table to what it answers to everybody, and to what it holds.
        var answers: [String: String] = [:]
        var contents: [String: [String]] = [:]
        /// Lists that hold everything.
        var everything: Set<String> = []
        var programs: Set<String> = []
        var hosts: [String: String] = [:]

        func status(_ path: String) -> FileStatus? {
            files[path].map { FileStatus(inode: 1, mode: mode, size: 1, modified: MailTime(seconds: $0)) }
        }

        func openingProblems(_ table: String) -> (failure: String?, warnings: [String]) {
            (failures[table], warnings[table] ?? [])
        }

        func certificate(_ path: String, key: String) -> CertificateFacts? { facts }
        func holdsKey(_ path: String) -> Bool { true }
        func chain(
            _ paths: [String]
        ) -> (problem: String?, certificates: [(path: String, validity: CertificateValidity)]) {
            (chainProblem, facts.map { facts in paths.map { ($0, facts.validity) } } ?? [])
        }
        func value(_ table: String, _ keys: [String]) -> String? { StaticTableText.value(table) ?? answers[table] }
        func values(_ table: String) -> [String] { contents[table] ?? [] }
        func setting(_ name: String, in file: String) -> String? { hosts[file] }
        func networks(_ list: String, hold address: String) -> Bool { everything.contains(list) }
        func domains(_ list: String, hold domain: String) -> Bool { everything.contains(list) }
        func isProgram(_ path: String) -> Bool { programs.contains(path) }
        func isUser(_ name: String) -> Bool { name == "vmail" }
    }

    static func problems(
        _ main: String, master: String = "smtp inet n - n - - smtpd", _ files: KnownFiles
    ) throws -> [ConfigurationDiagnostic] {
        let parameters = try Parameters(text: "compatibility_level = 3.6\n\(main)\n")
        let services = try MasterConfiguration(Array("\(master)\n".utf8), parameters: parameters)
        return DeepCheck(parameters: parameters, master: services, files: files).problems()
    }

    private func check(_ main: String, master: String = "smtp inet n - n - - smtpd", _ files: KnownFiles) throws
        -> [String]
    {
        try Self.problems(main, master: master, files).map(\.text)
    }

    static let aliases = ["/etc/aliases": 1, "/etc/aliases.db": 1]

    @Test(
        arguments: [
            (
                "transport_maps = hash:/t", [:],
                ["transport_maps: /t.db does not exist: what asks it is answered with a temporary error"]
            ),
            (
                "transport_maps = hash:/t", ["/t": 5, "/t.db": 4],
                ["transport_maps: /t.db is older than /t: changes there are not seen"]
            ),
            ("transport_maps = hash:/t", ["/t": 4, "/t.db": 4], []),
            (
                "transport_maps = proxy:unionmap:{pcre:/p, static:x}", [:],
                ["transport_maps: pcre:/p does not exist: what asks it is answered with a temporary error"]
            ),
            (
                "smtpd_recipient_restrictions = reject_unauth_destination, permit, check_client_access static:x", [:],
                [
                    "smtpd_recipient_restrictions: check_client_access and what follows is never reached: permit ends the list"
                ]
            ),
            ("smtpd_recipient_restrictions = reject_unauth_destination, warn_if_reject reject, permit", [:], []),
            (
                "smtpd_etrn_restrictions = check_sender_access static:x", [:],
                [
                    "smtpd_etrn_restrictions: check_sender_access never matches in this list: ETRN has neither sender nor recipient"
                ]
            ),
            (
                "smtpd_client_restrictions = reject_rbl_client bl.example", [:],
                [
                    "smtpd_client_restrictions: reject_rbl_client bl.example: every answer is a listing, also one that says that the query was refused"
                ]
            ),
            ("smtpd_client_restrictions = reject_rbl_client bl.example=127.0.0.2", [:], []),
            (
                "smtpd_delay_reject = no\nsmtpd_client_restrictions = check_sender_access static:x", [:],
                [
                    "smtpd_client_restrictions: check_sender_access never matches: what it looks at is not known with smtpd_delay_reject = no"
                ]
            ),
            (
                "mynetworks = 0.0.0.0/0", [:],
                ["mynetworks: 0.0.0.0/0 is the whole Internet: permit_mynetworks relays for everybody"]
            ),
            (
                "mynetworks = 10.0.0.0/8 192.0.0.0/3", [:],
                ["mynetworks: 192.0.0.0/3 is a large part of the Internet: permit_mynetworks relays for everybody"]
            ),
            (
                "smtpd_relay_restrictions = check_client_access static:OK, reject_unauth_destination", [:],
                [
                    "smtpd_relay_restrictions: reject_unauth_destination and what follows is never reached: check_client_access static:OK ends the list",
                    "smtpd_relay_restrictions: check_client_access static:OK permits everybody before reject_unauth_destination: service smtp relays for everybody",
                ]
            ),
            (
                "smtpd_data_restrictions = check_recipient_access static:x", [:],
                [
                    "smtpd_data_restrictions: check_recipient_access is not applied to mail for several recipients: this list is asked once a message"
                ]
            ),
            (
                "smtpd_tls_security_level = encrypt", [:],
                ["service smtp: TLS is required, but no certificate is set: no client can use the service"]
            ),
            ("smtpd_tls_session_cache_database = btree:/c\nsmtp_tls_session_cache_database = lmdb:/d", [:], []),
            (
                "smtpd_relay_restrictions = permit", [:],
                [
                    "smtpd_relay_restrictions: permit stands before reject_unauth_destination: service smtp relays for everybody"
                ]
            ),
            ("smtpd_sasl_auth_enable = yes", [:], ["service smtp: passwords are taken without TLS"]),
            (
                "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes", [:],
                ["service smtp: passwords are taken with TLS only, and TLS is off: nobody can log in"]
            ),
            (
                "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\nsmtpd_use_tls = yes\nsmtpd_tls_cert_file = none",
                [:], []
            ),
            ("smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noanonymous, noplaintext", [:], []),
            // Nothing offers TLS, so nothing reads the files.
            ("smtpd_tls_cert_file = /c\nsmtpd_tls_key_file = /k", ["/c": 1], []),
            (
                "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /c\nsmtpd_tls_key_file = /k", ["/c": 1],
                ["smtpd_tls_key_file: /k does not exist: TLS is not offered"]
            ),
        ] as [(String, [String: Int], [String])])
    func tellsBeforeMailComes(_ main: String, _ files: [String: Int], _ expected: [String]) throws {
        let known = KnownFiles(files: files.merging(Self.aliases) { $1 })
        #expect(try check(main, known) == expected)
    }

    @Test func opensTables() throws {
        var known = KnownFiles(files: Self.aliases.merging(["/t": 1, "/t.db": 2, "/p": 1]) { $1 })
        known.failures = ["hash:/t": "damaged"]
        known.warnings = ["pcre:/p": ["pcre map /p, line 3: ignored"]]
        #expect(
            try check("transport_maps = hash:/t, pcre:/p", known) == [
                "transport_maps: hash:/t does not open (damaged): what asks it is answered with a temporary error",
                "transport_maps: pcre:/p: pcre map /p, line 3: ignored",
            ])
    }

    @Test(arguments: [
        ("smtpd_milters = unix:/run/m.sock, inet:h:1", "y", ["/run/m.sock of smtpd_milters"]),
        ("smtpd_milters = unix:/run/m.sock", "n", []), ("smtpd_milters = unix:/there", "y", []),
        ("smtpd_milters = { unix:/run/n.sock, default_action=accept }", "y", ["/run/n.sock of smtpd_milters"]),
        (
            "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\nsmtpd_use_tls = yes\nsmtpd_tls_cert_file = none\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = /run/auth",
            "y", ["/run/auth of smtpd_sasl_path"]
        ),
        (
            "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\nsmtpd_use_tls = yes\nsmtpd_tls_cert_file = none\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth",
            "y", []
        ),
        ("local_recipient_maps = proxy:unix:passwd.byname", "y", []),
    ])
    func looksForSocketsInTheChroot(_ main: String, _ chroot: String, _ missing: [String]) throws {
        let known = KnownFiles(files: Self.aliases.merging(["/var/spool/postfix/there": 1]) { $1 })
        let expected = missing.map {
            "service smtp: chrooted, it looks for \($0) below /var/spool/postfix, where it is not: what asks it is answered with a temporary error"
        }
        #expect(
            try check(
                "queue_directory = /var/spool/postfix\n\(main)", master: "smtp inet n - \(chroot) - - smtpd", known)
                == expected)
    }

    @Test func looksForSocketsOfTables() throws {
        var known = KnownFiles(files: Self.aliases.merging(["/m.cf": 1, "/s": 1]) { $1 })
        known.hosts = ["/m.cf": "unix:/run/mysqld/mysqld.sock"]
        let main = """
            queue_directory = /q
            virtual_mailbox_maps = mysql:/m.cf
            virtual_alias_maps = proxy:mysql:/m.cf
            smtpd_sender_login_maps = socketmap:unix:/run/map.sock:logins
            """
        #expect(
            try check(main, master: "smtp inet n - y - - smtpd", known).map { String($0.prefix(80)) } == [
                "service smtp: chrooted, it looks for /run/mysqld/mysqld.sock of mysql:/m.cf belo",
                "service smtp: chrooted, it looks for /run/map.sock of smtpd_sender_login_maps be",
            ])
    }

    private static let withTLS = "smtpd_tls_security_level = may\n"

    @Test func chainFilesAreCertificatesToo() throws {
        var known = KnownFiles(
            files: Self.aliases.merging(["/c": 1]) { $1 },
            facts: CertificateFacts(validity: CertificateValidity(daysLeft: 1), matchesKey: true))
        let name = "smtpd_tls_chain_files"
        #expect(try check("\(Self.withTLS)\(name) = /c", known) == ["\(name): /c expires in 1 days"])
        #expect(
            try check("\(Self.withTLS)\(name) = /c, /d\nsmtpd_tls_cert_file = /nosuch", known)
                == ["\(name): /d does not exist: TLS is not offered"])
        known.facts = nil
        known.chainProblem = "error loading chain from /c: key not first"
        #expect(
            try check("\(Self.withTLS)\(name) = /c", known)
                == ["\(name): error loading chain from /c: key not first: TLS is not offered"])
        known.chainProblem = nil
        known.mode = 0o100644
        #expect(try check("\(Self.withTLS)\(name) = /c", known) == ["\(name): /c: every user can read the key"])
    }

    @Test(arguments: [
        (60, true, true, nil), (60, true, false, "smtpd_tls_cert_file: /c does not belong to /k: TLS is not offered"),
        (3, true, true, "smtpd_tls_cert_file: /c expires in 3 days"),
        (-1, true, true, "smtpd_tls_cert_file: /c has expired: those who verify it refuse it"),
        (60, false, true, "smtpd_tls_cert_file: /c is not valid yet: those who verify it refuse it"),
    ])
    func looksAtCertificates(_ days: Int, _ hasBegun: Bool, _ matches: Bool, _ expected: String?) throws {
        let validity = CertificateValidity(daysLeft: days, hasBegun: hasBegun)
        let known = KnownFiles(
            files: ["/c": 1, "/k": 1], facts: CertificateFacts(validity: validity, matchesKey: matches))
        #expect(
            try check("\(Self.withTLS)smtpd_tls_cert_file = /c\nsmtpd_tls_key_file = /k", known)
                == (expected.map { [$0] } ?? []))
    }
}
