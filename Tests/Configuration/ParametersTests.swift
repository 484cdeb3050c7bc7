import Testing

@testable import Configuration

struct ParametersTests {
    @Test func readsLogicalLines() throws {
        let parameters = try Parameters(text: "foo = a\n# c\n\n  b\n   #x\n\tc\nzed=1\nbiff =  no  \n")
        #expect(parameters["foo"] == "a  b\tc")
        #expect(parameters["zed"] == "1")
        #expect(parameters.raw("biff") == "no")
    }

    /// The defaults of these two are made of each other.
    @Test(arguments: [
        ("myhostname = $mydomain", "localdomain", "localdomain"),
        ("myhostname = mail.$mydomain", "mail.localdomain", "localdomain"),
        ("x = $mydomain\nmyhostname = ${x?$x}", "localdomain", "localdomain"),
    ])
    func hostAndDomainThatReferToEachOther(_ text: String, _ host: String, _ domain: String) throws {
        let parameters = try Parameters(text: text + "\n")
        #expect(parameters["myhostname"] == host)
        #expect(parameters["mydomain"] == domain)
    }

    /// As Debian's postconf -x says: whether a parameter has a value, not what becomes of it.
    @Test func conditionsTestTheValueAsWritten() throws {
        let parameters = try Parameters(
            text: """
                relayhost =
                x = $relayhost
                a = ${x?{set}:{empty}}
                b = ${x?set}${x:empty}
                c = ${relayhost?{set}:{empty}}
                d = ${{$x} == {} ? {equal} : {different}}

                """)
        #expect(parameters["a"] == "set")
        #expect(parameters["b"] == "set")
        #expect(parameters["c"] == "empty")
        #expect(parameters["d"] == "equal")
    }

    @Test(arguments: [
        ("foo\n", "main.cf, line 1: missing '=' after attribute name: \"foo\""),
        ("\n=x\n", "main.cf, line 2: missing attribute name: \"=x\""),
        ("a b = c", "main.cf, line 1: missing '=' after attribute name: \"a b = c\""),
    ])
    func refusesLines(_ text: String, _ reason: String) {
        #expect(throws: ConfigurationError(reason)) { try Parameters(text: text) }
    }

    @Test(arguments: [
        ("hash_queue_depth = x", "bad numerical configuration: hash_queue_depth = x"),
        ("hash_queue_depth = 0", "invalid hash_queue_depth parameter value 0 < 1"),
        ("biff = foo", "bad boolean configuration: biff = foo"),
        ("ipc_timeout = 3x", "parameter ipc_timeout: bad time value or unit: 3x"),
        ("ipc_timeout = 99999999w", "parameter ipc_timeout: bad time value or unit: 99999999w"),
        ("ipc_timeout = 0", "invalid ipc_timeout: 0 (min 1)"),
        ("mydomain =", "bad string length 0 < 1: mydomain = "),
        ("myhostname = 1.2.3.4", "parameter myhostname: bad parameter value: 1.2.3.4"),
        ("mynetworks_style = foo", "unknown mynetworks mask style value \"foo\" in \"foo\""),
        ("compatibility_level = 3x", "malformed compatibility level syntax: \"3x\""),
    ])
    func refusesValues(_ text: String, _ reason: String) throws {
        let parameters = try Parameters(text: "\n\(text)\n")
        let fatal = parameters.diagnostics.first { $0.severity == .fatal && $0.line == 2 }
        let found = try #require(fatal)
        #expect(found.text.hasSuffix(reason))
        #expect(found.description.hasPrefix("main.cf, line 2: "))
        #expect(throws: ConfigurationError.self) { try parameters.validate() }
    }

    @Test func gettersFallBackToTheDefault() {
        let parameters = Parameters(values: [
            "hash_queue_depth": "x", "biff": "maybe", "ipc_timeout": "3x", "smtpd_timeout": "5m",
        ])
        #expect(parameters.int("hash_queue_depth") == 1)
        #expect(parameters.bool("biff"))
        #expect(parameters.seconds("ipc_timeout") == 3600)
        #expect(parameters.seconds("smtpd_timeout") == 300)
        #expect(parameters.seconds("maximal_queue_lifetime") == 432_000)
        #expect(Parameters(values: ["maximal_queue_lifetime": "2"]).seconds("maximal_queue_lifetime") == 172_800)
    }

    @Test func overridesChangeWhatDependsOnThem() {
        let base = Parameters(values: ["myhostname": "mx.example.com"])
        let service = base.with(
            overrides: [("syslog_name", "postfix/$service_name"), ("myhostname", "other.example.net")],
            service: "submission")
        #expect(service["syslog_name"] == "postfix/submission")
        #expect(service["mydomain"] == "example.net")
        #expect(service["myorigin"] == "other.example.net")
        #expect(base["mydomain"] == "example.com")
    }

    @Test func transportParametersFallBack() {
        let parameters = Parameters(values: [
            "default_destination_concurrency_limit": "7", "spamass-dovecot_destination_recipient_limit": "1",
        ])
        #expect(parameters.transportInt("smtp", "_destination_concurrency_limit") == 7)
        #expect(parameters.transportInt("spamass-dovecot", "_destination_recipient_limit") == 1)
        #expect(parameters.transportInt("maildrop", "_destination_recipient_limit") == 50)
        #expect(parameters.transportInt("local", "_destination_concurrency_limit") == 2)
        #expect(parameters.transportSeconds("maildrop", "_time_limit") == 1000)
    }

    @Test func reportsWhatNothingReads() throws {
        let parameters = try Parameters(
            text: """
                mua_client_restrictions = reject
                smtpd_client_restrictions = $mua_client_restrictions
                smtpd_restriction_classes = greylist
                greylist = permit
                nosuch = 1
                x_destination_rate_delay = 1s
                pipey_time_limit = 3s
                """)
        let master = try MasterConfiguration(
            Array("pipey unix - n n - - pipe\n  -o bogus=1 argv=x".utf8), parameters: parameters)
        let texts = parameters.diagnostics(master: master).map(\.text).filter { $0.hasPrefix("unused") }
        #expect(
            texts == [
                "unused parameter: nosuch=1", "unused parameter: x_destination_rate_delay=1s",
                "unused parameter: bogus=1",
            ])
    }

    @Test func warnsOfDoubleSettings() throws {
        let parameters = try Parameters(text: "biff=yes\nbiff = no\n")
        #expect(parameters["biff"] == "no")
        #expect(parameters.diagnostics.first?.text == "overriding earlier entry: biff=yes")
        #expect(parameters.diagnostics.first?.line == 2)
    }

    @Test func takesMyoriginFromAFile() throws {
        var facts = HostFacts.none
        facts.firstLine = { $0 == "/etc/mailname" ? "mail.example.org" : nil }
        let parameters = try Parameters(text: "myorigin = /etc/mailname", facts: facts)
        #expect(parameters["myorigin"] == "mail.example.org")
    }

    @Test(arguments: [
        (
            "smtpd_client_restrictions=nosuch",
            "parameter smtpd_client_restrictions: unknown smtpd restriction: \"nosuch\""
        ),
        ("smtpd_relay_restrictions=permit", "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, "),
        ("smtpd_sender_restrictions=check_sender_access", "requires maptype:mapname"),
        ("smtpd_data_restrictions=hash:/x", "unexpected table"),
        ("smtpd_recipient_restrictions=check_policy_service,unix:x", "needs policy delegation"),
    ])
    func refusesRestrictionListsOfServices(_ override: String, _ reason: String) throws {
        let parameters = Parameters(values: ["compatibility_level": "3.6"])
        let master = try MasterConfiguration(
            Array("25 inet n - n - - smtpd\nx inet n - n - - smtpd\n  -o \(override)".utf8), parameters: parameters)
        let fatal = parameters.diagnostics(master: master).filter { $0.severity == .fatal }
        #expect(fatal.count == 1 && fatal[0].text.contains(reason))
        #expect(fatal.first?.line == 2)
    }

    @Test func anyBytesAreSafe() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("${}()?:=<> \n\t#,abmydomain1é".utf8)
        for _ in 0..<500 {
            let bytes = (0..<80).compactMap { _ in alphabet.randomElement(using: &generator) }
            let text = "mydestination = " + String(decoding: bytes, as: UTF8.self)
            guard let parameters = try? Parameters(text: text) else { continue }
            _ = parameters["mydestination"]
            _ = parameters.diagnostics
        }
    }

    /// Postfix drops a first line that continues nothing, too.
    @Test func ignoresAFirstLineThatStartsWithSpace() throws {
        let parameters = try Parameters(text: "# comment\n  mail_name = x\nmydomain = y\n", file: "/main.cf")
        #expect(parameters.namesSet == ["mydomain"])
        let problem = try #require(parameters.fileDiagnostics.first)
        #expect(problem.complaint == "/main.cf: logical line must not start with whitespace: \"  mail_name = x\"")
        #expect(problem.line == 2 && problem.description.hasPrefix("/main.cf, line 2: "))
    }

    @Test("what Apus acts on is known, and what is only mentioned in its sources does not count")
    func implementedNames() throws {
        for name in [
            "smtp_connect_timeout", "lmtp_lhlo_timeout", "lmtp_discard_lhlo_keywords", "smtp_tls_verify_cert_match",
            "smtpd_tls_CAfile", "virtual_mailbox_maps",
        ] {
            #expect(try #require(ParameterCatalogue.definition(name)).isImplemented, "\(name)")
        }
        for name in [
            "smtpd_milters", "smtp_tls_policy_maps", "postscreen_tls_security_level", "smtp_generic_maps",
        ] {
            #expect(try !#require(ParameterCatalogue.definition(name)).isImplemented, "\(name)")
        }
    }
}
