import Testing

@testable import Configuration

/// The same mistakes behind names, classes and overrides; and what looks like one and is none.
struct OddConfigurationTests {
    private typealias KnownFiles = DeepCheckTests.KnownFiles

    private func check(_ main: String, master: String = "smtp inet n - n - - smtpd", _ files: KnownFiles? = nil) throws
        -> [ConfigurationDiagnostic]
    {
        try DeepCheckTests.problems(main, master: master, files ?? KnownFiles(files: DeepCheckTests.aliases))
    }

    private static let relays = "service smtp relays for everybody"

    @Test(arguments: [
        // The guard of one list is enough: both are asked.
        (
            "smtpd_relay_restrictions = permit_mynetworks, permit\nsmtpd_recipient_restrictions = reject_unauth_destination",
            false
        ),
        ("smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_recipient_restrictions = permit", false),
        ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit, reject_unauth_destination", true),
        (
            "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = warn_if_reject reject_unauth_destination, permit",
            true
        ),
        ("smtpd_relay_restrictions = $mine\nmine = permit, reject_unauth_destination", true),
        ("smtpd_relay_restrictions = c, reject_unauth_destination\nsmtpd_restriction_classes = c\nc = permit", true),
        ("smtpd_relay_restrictions = c, permit\nsmtpd_restriction_classes = c\nc = reject_unauth_destination", false),
        ("smtpd_relay_restrictions = c, reject_unauth_destination\nsmtpd_restriction_classes = c\nc = c", false),
        ("smtpd_relay_restrictions = warn_if_reject permit, reject_unauth_destination", true),
        ("smtpd_relay_restrictions = check_sender_access static:{OK x}, reject_unauth_destination", true),
        ("smtpd_relay_restrictions = check_sender_access static:42, reject_unauth_destination", true),
        ("smtpd_relay_restrictions = check_sender_access static:DUNNO, reject_unauth_destination", false),
        (
            "smtpd_relay_restrictions = check_sender_access static:{permit_mynetworks, permit}, reject_unauth_destination",
            true
        ),
        ("smtpd_relay_restrictions = PERMIT, reject_unauth_destination", true),
        ("smtpd_relay_restrictions = check_client_access static:REJECT, permit", false),
        ("smtpd_relay_restrictions = reject_unauth_destination # permit first?", false),
    ])
    func knowsOpenRelays(_ main: String, _ isOpen: Bool) throws {
        let found = try check(main).map(\.text).filter { $0.hasSuffix(Self.relays) }
        #expect(found.isEmpty != isOpen, "\(found)")
    }

    @Test func whatClientsClaimIsNoCredential() throws {
        var known = KnownFiles(files: DeepCheckTests.aliases.merging(["/s": 1, "/s.db": 1]) { $1 })
        known.contents = ["hash:/s": ["DUNNO", "OK"]]
        let main = "smtpd_relay_restrictions = check_sender_access hash:/s, reject_unauth_destination"
        #expect(
            try check(main, known).map(\.text) == [
                "smtpd_relay_restrictions: check_sender_access hash:/s permits what any client can claim before reject_unauth_destination: \(Self.relays)"
            ])
        // Another list refuses, or nothing there permits.
        #expect(try check("\(main)\nsmtpd_recipient_restrictions = reject_unauth_destination", known).isEmpty)
        known.contents = ["hash:/s": ["REJECT", "550 no"]]
        #expect(try check(main, known).isEmpty)
        known.contents = [:]
        known.answers = ["hash:/s": "OK"]
        #expect(try check(main, known).count == 1)
    }

    @Test func networksAndDomainsInTablesCount() throws {
        var known = KnownFiles(files: DeepCheckTests.aliases.merging(["/n": 1]) { $1 })
        known.everything = ["/n", "static:all"]
        #expect(
            try check("mynetworks = /n", known).map(\.text) == [
                "mynetworks: even 203.0.113.77 is in it: permit_mynetworks relays for everybody"
            ])
        #expect(
            try check("relay_domains = static:all", known).map(\.text) == [
                "relay_domains: every domain is in it: the server relays for everybody"
            ])
    }

    @Test(arguments: [
        "127.0.0.1:10025 inet n - n - - smtpd", "[::1]:10025 inet n - n - - smtpd",
        "localhost:10025 inet n - n - - smtpd", "inner unix n - n - - smtpd",
    ])
    func onlyStrangersAreDangerous(_ service: String) throws {
        let main = "smtpd_relay_restrictions = permit, reject\nmynetworks = 0.0.0.0/0\nsmtpd_sasl_auth_enable = yes"
        let found = try check(main, master: service).map(\.text)
        #expect(found == ["smtpd_relay_restrictions: reject and what follows is never reached: permit ends the list"])
    }

    @Test(arguments: [
        ("c, reject_invalid_helo_hostname", "c = permit_mynetworks, reject", "reject_invalid_helo_hostname", "c"),
        ("permit_auth_destination, reject_unauth_destination, sleep 1", "", "sleep", "reject_unauth_destination"),
        ("check_client_access static:reject, sleep 1", "", "sleep", "check_client_access static:reject"),
        ("warn_if_reject permit, sleep 1", "", "sleep", "permit"),
        ("warn_if_reject reject, sleep 1, reject_unauth_destination", "", nil, ""),
        ("check_client_access static:DUNNO, sleep 1, reject_unauth_destination", "", nil, ""),
        ("reject_rbl_client permit=1, reject_unauth_destination", "", nil, ""),
    ])
    func knowsWhatIsNeverReached(_ list: String, _ more: String, _ next: String?, _ end: String) throws {
        let found = try check(
            "smtpd_recipient_restrictions = \(list)\nsmtpd_restriction_classes = c\n\(more)")
        let name = "smtpd_recipient_restrictions"
        #expect(
            found.map(\.text)
                == (next.map { ["\(name): \($0) and what follows is never reached: \(end) ends the list"] } ?? []))
        #expect(found.allSatisfy { $0.line == 2 })
    }

    @Test func looksIntoClasses() throws {
        let found = try check(
            """
            smtpd_restriction_classes = a, b
            a = reject_rbl_client bl.example, permit_dnswl_client wl.example
            b = permit, reject
            smtpd_etrn_restrictions = a, d
            smtpd_data_restrictions = a
            """)
        #expect(
            found.map { "\($0.line): \($0.text)" } == [
                "3: a: reject_rbl_client bl.example: every answer is a listing, also one that says that the query was refused",
                "3: a: permit_dnswl_client wl.example: every answer is a permission, also one that says that the query was refused",
                "4: b: reject and what follows is never reached: permit ends the list",
            ])
    }

    @Test(arguments: [
        ("smtpd_client_restrictions = permit_sasl_authenticated", "no", 1),
        ("smtpd_client_restrictions = permit_sasl_authenticated", "yes", 0),
        ("smtpd_sender_restrictions = permit_sasl_authenticated", "no", 0),
        (
            "smtpd_restriction_classes = c\nc = check_recipient_access static:DUNNO\nsmtpd_helo_restrictions = c", "no",
            1
        ),
        ("smtpd_recipient_restrictions = reject_multi_recipient_bounce", "yes", 1),
        ("smtpd_data_restrictions = reject_multi_recipient_bounce, reject_unauth_pipelining", "yes", 0),
    ])
    func knowsWhatIsKnownWhen(_ main: String, _ delays: String, _ count: Int) throws {
        #expect(try check("smtpd_delay_reject = \(delays)\n\(main)").count == count)
    }

    @Test func namesThePlaceWhereATableStands() throws {
        let found = try check(
            """
            mine = $other
            virtual_alias_maps = $mine
            other = hash:/nosuch
            proxy_read_maps = $virtual_alias_maps
            unused = hash:/unused
            canonical_maps = hash:/nosuch
            """)
        #expect(
            found.map { "\($0.line): \($0.text)" } == [
                "4: virtual_alias_maps: /nosuch.db does not exist: what asks it is answered with a temporary error"
            ])
    }

    @Test(
        arguments: [
            ("virtual_alias_maps = hash:virtual", ["virtual_alias_maps: hash:virtual is looked for below /q"]),
            ("virtual_alias_maps = pcre:{ {/^a:b/ /c} } ldap:people inline:{a=/x:/y}", []),
            (
                "mydestination = /nosuch, example.com",
                ["mydestination: /nosuch does not exist: what asks it is answered with a temporary error"]
            ),
            ("smtpd_milters = inet:localhost:8891\nrelayhost = [mail.example]:587", []),
            (
                "smtpd_recipient_restrictions = reject_unauth_destination, hash:/nosuch",
                [
                    "smtpd_recipient_restrictions: /nosuch.db does not exist: what asks it is answered with a temporary error"
                ]
            ),
        ] as [(String, [String])])
    func tablesAndOtherColons(_ main: String, _ expected: [String]) throws {
        #expect(try check("queue_directory = /q\n\(main)").map(\.text) == expected)
    }

    @Test func overridesOfEveryServiceCount() throws {
        let master = """
            smtp inet n - n - - smtpd
            cleanup unix n - n - 0 cleanup
              -o header_checks=pcre:/nosuch
            smtp unix - - n - - smtp
              -o { smtp_generic_maps = hash:/gone }
            """
        let found = try check("", master: master)
        #expect(
            found.map { "\($0.line): \($0.text)" } == [
                "2: header_checks: pcre:/nosuch does not exist: what asks it is answered with a temporary error",
                "4: smtp_generic_maps: /gone.db does not exist: what asks it is answered with a temporary error",
            ])
    }

    @Test func unknownTypesAreTold() throws {
        var known = KnownFiles(files: DeepCheckTests.aliases)
        known.failures = ["hsah:/t": "unsupported dictionary type: hsah"]
        #expect(
            try check("transport_maps = hsah:/t", known).map(\.text) == [
                "transport_maps: hsah:/t does not open (unsupported dictionary type: hsah): what asks it is answered with a temporary error"
            ])
    }

    @Test func aliasesAreAskedUnset() throws {
        let master = "smtp inet n - n - - smtpd\nlocal unix - n n - - local"
        let found = try check("mydestination = example.com", master: master, KnownFiles())
        #expect(
            found.map { "\($0.line): \($0.text)" } == [
                "2: alias_maps: /etc/aliases.db does not exist: what asks it is answered with a temporary error"
            ])
        let errors = master + "\nerror unix - - n - - error"
        #expect(try check("mydestination =", master: master, KnownFiles()).isEmpty)
        #expect(
            try check("mydestination = example.com\nlocal_transport = error:no", master: errors, KnownFiles()).isEmpty)
    }

    @Test func transportsMustBeThere() throws {
        let master = """
            smtp inet n - n - - smtpd
              -o content_filter=scan:[127.0.0.1]:10024
            smtp unix - - n - - smtp
            error unix - - n - - error
            box unix - n n - - pipe
              flags=R user=nosuch argv=/bin/none -d user=${user} argv=/bin/other
            spare unix - n n - - pipe
              flags=R user=nosuch argv=/bin/none
            """
        var known = KnownFiles(files: DeepCheckTests.aliases.merging(["/t": 1, "/t.db": 1]) { $1 })
        known.contents = ["hash:/t": ["smtp:[a]", ":b", "gone:c", "c"]]
        let found = try check(
            "virtual_transport = box\nrelay_transport = smtps:x\nlocal_transport = error:none\ntransport_maps = hash:/t",
            master: master, known)
        #expect(
            found.map { "\($0.file) \($0.line): \($0.text)" } == [
                "main.cf 3: relay_transport: master.cf has no service smtps: mail that needs it stays in the queue",
                "/etc/postfix/master.cf 1: content_filter: master.cf has no service scan: mail that needs it stays in the queue",
                "main.cf 5: transport_maps: master.cf has no service gone: mail that needs it stays in the queue",
                "master.cf 5: service box: there is no user nosuch: mail for it stays in the queue",
                "master.cf 5: service box: /bin/none cannot be run: mail for it stays in the queue",
            ])
    }

    @Test func clientCertificatesCount() throws {
        let master = "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp"
        let main = "smtp_tls_cert_file = /nosuch\nsmtp_tls_CAfile = /none"
        #expect(try check(main, master: master).isEmpty)
        #expect(
            try check("smtp_tls_security_level = may\n\(main)", master: master).map(\.text) == [
                "smtp_tls_CAfile: /none does not exist: mail that needs TLS is deferred",
                "smtp_tls_cert_file: /nosuch does not exist: mail that needs TLS is deferred",
            ])
    }
}
