import Testing

@testable import Configuration

@Suite struct BounceTemplateTests {
    @Test func aFileReplacesWhatItNames() {
        let (templates, warnings) = BounceTemplates.parse(
            """
            # comment

            delay_template = <<END
            Charset: iso-8859-1
            Subject: Late

            $$5 at $myhostname after $delay_warning_time_minutes
              indented
            END
            """, file: "bounce.cf")
        #expect(warnings.isEmpty)
        let delay = templates[.delay]
        #expect(delay.charset == "iso-8859-1")
        #expect(delay.subject == "Late")
        #expect(delay.from == "Mail Delivery System <MAILER-DAEMON>")
        let parameters = Parameters(values: [
            "myhostname": "h.example", "mydomain": "example", "delay_warning_time": "2h",
        ])
        #expect(delay.expanded(parameters).lines == ["$5 at h.example after 120", "  indented"])
        #expect(templates[.failure] == BounceTemplates()[.failure])
    }

    @Test(arguments: [
        ("failure_template = <<EOF\nx\n", "bounce.cf: missing \"EOF\" end marker"),
        ("nonsense\n", "bounce.cf, line 1: syntax error: \"nonsense\""),
        ("other_template = <<EOF\nEOF\n", "bounce.cf, line 2: unknown template name: other_template -- ignored"),
    ])
    func mistakesAreWarnings(text: String, warning: String) {
        let (templates, warnings) = BounceTemplates.parse(text, file: "bounce.cf")
        #expect(templates == BounceTemplates())
        #expect(warnings == [warning])
    }

    @Test func aTimeThatRoundsToNothingIsReported() {
        let parameters = Parameters(values: ["myhostname": "h", "mydomain": "d", "delay_warning_time": "1s"])
        let (lines, warnings) = BounceTemplates()[.delay].expanded(parameters)
        #expect(lines.contains("Your message could not be delivered for more than 0 hour(s)."))
        #expect(
            warnings.first
                == "[built-in]: zero result in delay template conversion of parameter \"delay_warning_time_hours\"")
    }
}
