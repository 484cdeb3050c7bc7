import Testing

@testable import Configuration

@Suite struct BounceTemplateTests {
    @Test func aFileReplacesWhatItNames() {
        let loaded = BounceTemplates.parse(
            """
            # comment

            delay_template = <<END
            Charset: iso-8859-1
            Subject: Late

            $$5 at $myhostname after $delay_warning_time_minutes
              indented
            END
            """, file: "bounce.cf")
        #expect(loaded.warnings.isEmpty && loaded.failure == nil)
        let templates = loaded.templates
        let delay = templates[.delay]
        #expect(delay.charset == "iso-8859-1")
        #expect(delay.subject == "Late")
        #expect(delay.from == "Mail Delivery System <MAILER-DAEMON>")
        let parameters = Parameters(values: [
            "myhostname": "h.example", "mydomain": "example", "delay_warning_time": "2h",
        ])
        #expect(delay.expanded(parameters).lines == ["$5 at h.example after 120", "  indented"])
        let builtIn = BounceTemplates()[.failure]
        #expect(templates[.failure] == builtIn)
    }

    /// What Debian's postconf -t says of the same files.
    @Test(arguments: [
        ("other = <<EOF\nEOF\n", ["bounce.cf, line 3: unknown template name: other -- ignoring this template"]),
        ("other = x\n", ["bounce.cf, line 2: unknown template name: other -- ignoring this template"]),
        (
            "failure_template = <<EOF\n\nEOF\n",
            ["bounce.cf: missing message text in failure template -- ignoring this template"]
        ),
        (
            "failure_template = <<EOF\nX-Foo: x\n\nb\nEOF\n",
            ["bounce.cf: unknown \"X-Foo\" header label in failure template -- ignoring this template"]
        ),
        (
            "success_template = <<EOF\nPostmaster-Subject: x\n\nb\nEOF\n",
            [
                "bounce.cf: inapplicable \"Postmaster-Subject\" header label in success template -- ignoring this template"
            ]
        ),
        (
            "failure_template = <<EOF\nsubject:\n\nb\nEOF\n",
            ["bounce.cf: empty \"subject\" header value in failure template -- ignoring this template"]
        ),
        (
            "failure_template = <<EOF\nSubject: \u{e9}\n\nb\nEOF\n",
            ["bounce.cf: non-ASCII \"Subject\" header value in failure template -- ignoring this template"]
        ),
        (
            "failure_template = <<EOF\n\u{e9}\nEOF\n",
            [
                "bounce.cf: 8-bit message text in failure template",
                "please specify a charset value other than us-ascii",
                "-- ignoring this template for now",
            ]
        ),
    ])
    func mistakesAreWarnings(text: String, warnings: [String]) {
        let loaded = BounceTemplates.parse(text, file: "bounce.cf")
        let (templates, builtIn) = (loaded.templates, BounceTemplates())
        for kind in BounceTemplate.Kind.allCases { #expect(templates[kind] == builtIn[kind]) }
        #expect(loaded.warnings == warnings && loaded.failure == nil)
    }

    @Test(arguments: [
        ("failure_template\n", "bounce.cf, line 2: missing '=' after attribute name: \"failure_template\""),
        ("= <<EOF\n", "bounce.cf, line 2: missing attribute name: \"= <<EOF\""),
        ("verify_template = <<\n", "bounce.cf, line 2: missing end marker after <<"),
    ])
    func whatIsNoTemplateEndsTheFile(text: String, failure: String) {
        #expect(BounceTemplates.parse(text, file: "bounce.cf").failure == failure)
    }

    @Test(arguments: [
        ("failure_template = bar\n", "Undelivered Mail Returned to Sender", ["bar"], []),
        (
            "failure_template = <<EOF\nx\n", "Undelivered Mail Returned to Sender", ["x"],
            ["bounce.cf, line 3: missing \"EOF\" end marker"]
        ),
        ("failure_template = << EOF \n\nSubject : y\n\n\nx\n EOF\nEOF\n", "y", ["x", " EOF"], []),
    ])
    func textsOfManyForms(text: String, subject: String, body: [String], warnings: [String]) {
        let loaded = BounceTemplates.parse(text, file: "bounce.cf")
        let failure = loaded.templates[.failure]
        #expect(failure.subject == subject && failure.text == body)
        #expect(loaded.warnings == warnings && loaded.failure == nil)
    }

    @Test func aBadNameIsAFailure() {
        let template = BounceTemplates.parse("delay_template = a $\n", file: "b").templates[.delay]
        #expect(template.expanded(Parameters(values: [:])).failure == "b: bad $name syntax in delay template: a $")
    }

    @Test func aTimeThatRoundsToNothingIsReported() {
        let parameters = Parameters(values: ["myhostname": "h", "mydomain": "d", "delay_warning_time": "1s"])
        let (lines, warnings, _) = BounceTemplates()[.delay].expanded(parameters)
        #expect(lines.contains("Your message could not be delivered for more than 0 hour(s)."))
        #expect(
            warnings.first
                == "[built-in]: zero result in delay template conversion of parameter \"delay_warning_time_hours\"")
    }
}
