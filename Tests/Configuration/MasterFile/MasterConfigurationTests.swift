import Testing

@testable import Configuration

struct MasterConfigurationTests {
    private func parse(_ text: String) throws -> [MasterService] {
        try MasterConfiguration(Array(text.utf8), parameters: Parameters(values: ["compatibility_level": "3.6"]))
            .services
    }

    @Test func readsColumnsAndOptions() throws {
        let services = try parse(
            """
            # comment
            submission inet n - y - - smtpd
              -o smtpd_sasl_auth_enable=yes -osmtpd_timeout=5
            #  -o smtpd_reject_unlisted_recipient=no
              -o { smtpd_client_restrictions = permit_sasl_authenticated, reject } -v
            tlsmgr unix - - - 1000? 1 tlsmgr
            postlog unix-dgram n - n - 0 postlogd
            spam unix - n n - - pipe
              flags=DRhu user=vmail:mail argv=/usr/bin/spamc -u ${recipient} -o { a b }
            """)
        let submission = services[0]
        #expect(submission.kind == .inet && submission.isChrooted && !submission.isPrivate && submission.isUnprivileged)
        #expect(submission.processLimit == 100)
        #expect(submission.arguments == ["-v"])
        #expect(submission.line == 2)
        #expect(
            submission.overrides.map(\.name) == [
                "smtpd_sasl_auth_enable", "smtpd_timeout", "smtpd_client_restrictions",
            ])
        #expect(submission.overrides.last?.value == "permit_sasl_authenticated, reject")
        #expect(services[1].wakeUp == MasterService.WakeUp(seconds: 1000, onlyIfUsed: true))
        #expect(services[1].isPrivate && !services[1].isChrooted)
        #expect(services[1].endpoint == "private/tlsmgr")
        #expect(services[2].kind == .unixDatagram && services[2].processLimit == 0)
        #expect(!services[3].isUnprivileged)
        #expect(
            services[3].arguments == [
                "flags=DRhu", "user=vmail:mail", "argv=/usr/bin/spamc", "-u", "${recipient}", "-o", "a b",
            ])
        #expect(submission.parameters(Parameters(values: [:]))["smtpd_timeout"] == "5")
    }

    @Test(arguments: [
        ("smtp inet n - y -", "bad field count"),
        ("smtp foo n - y - - smtpd", "invalid type field \"foo\" in \"smtp foo n - y - - smtpd\""),
        ("smtp inet x - y - - smtpd", "invalid private field \"x\" in \"smtp inet x - y - - smtpd\""),
        ("smtp inet n - n 10x - smtpd", "invalid wakeup field \"10x\" in \"smtp inet n - n 10x - smtpd\""),
        ("smtp inet n - n - x smtpd", "invalid process_limit field \"x\" in \"smtp inet n - n - x smtpd\""),
        ("a unix - - n - - smtpd -o x", "missing '=' after attribute name: \"x\""),
        ("a unix - - n - - smtpd -o", "option -o needs name=value"),
    ])
    func refuses(_ text: String, _ reason: String) {
        #expect(throws: ConfigurationError("master.cf: line 1: \(reason)")) { try parse(text) }
    }
}
