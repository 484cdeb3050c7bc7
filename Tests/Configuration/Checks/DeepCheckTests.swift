import MailSystem
import Testing

@testable import Configuration

struct DeepCheckTests {
    private struct KnownFiles: DeepCheck.Files {
        /// Path to the time of its last change.
        var files: [String: Int] = [:]
        var facts: CertificateFacts?

        func status(_ path: String) -> FileStatus? {
            files[path].map { FileStatus(inode: 1, mode: 0o100600, size: 1, modified: MailTime(seconds: $0)) }
        }

        /// Table to what opening it says.
        var failures: [String: String] = [:]
        var warnings: [String: [String]] = [:]

        func openingProblems(_ table: String) -> (failure: String?, warnings: [String]) {
            (failures[table], warnings[table] ?? [])
        }

        func certificate(_ path: String, key: String) -> CertificateFacts? { facts }
    }

    private func check(_ main: String, master: String = "smtp inet n - n - - smtpd", _ files: KnownFiles) throws
        -> [String]
    {
        let parameters = try Parameters(text: "compatibility_level = 3.6\n\(main)\n")
        let services = try MasterConfiguration(Array("\(master)\n".utf8), parameters: parameters)
        return DeepCheck(parameters: parameters, master: services, files: files).problems().map(\.text)
    }

    private static let aliases = ["/etc/aliases": 1, "/etc/aliases.db": 1]

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
                ["service smtp: static:ok stands before reject_unauth_destination: it relays for everybody"]
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
                ["service smtp: permit stands before reject_unauth_destination: it relays for everybody"]
            ),
            ("smtpd_sasl_auth_enable = yes", [:], ["service smtp: passwords are taken without TLS"]),
            ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes", [:], []),
            (
                "smtpd_tls_cert_file = /c\nsmtpd_tls_key_file = /k", ["/c": 1],
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
            "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = /run/auth",
            "y", ["/run/auth of smtpd_sasl_path"]
        ),
        (
            "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth",
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

    @Test func chainFilesAreCertificatesToo() throws {
        let known = KnownFiles(
            files: Self.aliases.merging(["/c": 1]) { $1 }, facts: CertificateFacts(daysLeft: 1, matchesKey: true))
        #expect(
            try check("smtpd_tls_chain_files = /c, /d", known) == [
                "smtpd_tls_chain_files: /c expires in 1 days",
                "smtpd_tls_chain_files: /d does not exist: TLS is not offered",
            ])
    }

    @Test(arguments: [
        (CertificateFacts(daysLeft: 60, matchesKey: true), nil),
        (
            CertificateFacts(daysLeft: 60, matchesKey: false),
            "smtpd_tls_cert_file: /c does not belong to /k: TLS is not offered"
        ),
        (CertificateFacts(daysLeft: 3, matchesKey: true), "smtpd_tls_cert_file: /c expires in 3 days"),
        (
            CertificateFacts(daysLeft: -1, matchesKey: true),
            "smtpd_tls_cert_file: /c has expired: clients that verify refuse it"
        ),
    ])
    func looksAtCertificates(_ facts: CertificateFacts, _ expected: String?) throws {
        let known = KnownFiles(files: ["/c": 1, "/k": 1], facts: facts)
        #expect(try check("smtpd_tls_cert_file = /c\nsmtpd_tls_key_file = /k", known) == (expected.map { [$0] } ?? []))
    }
}
