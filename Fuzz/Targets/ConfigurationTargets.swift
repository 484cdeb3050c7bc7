import MailSyntax

@testable import Configuration

extension FuzzTarget {
    static let mainFile = FuzzTarget("main-cf") { input in
        let text = String(decoding: input, as: UTF8.self)
        guard let parameters = try? Parameters(text: text) else { return }
        for name in ["myhostname", "mydestination", "smtpd_recipient_restrictions", "mynetworks", "x", "y"] {
            let value = parameters.value(name)
            require(value?.utf8.count ?? 0 <= 1 << 24, "values have a bounded size")
            if let value { _ = ListSetting.split(value) }
        }
        _ = parameters.int("message_size_limit")
        _ = parameters.seconds("smtpd_timeout")
        _ = parameters.bool("smtpd_helo_required")
        _ = MacroText.names(in: text)
        for line in LogicalLines.read(input) { require(!line.text.isEmpty, "logical lines") }
    }

    static let masterFile = FuzzTarget("master-cf") { input in
        let parameters = Parameters(values: ["compatibility_level": "3.6"])
        guard let master = try? MasterConfiguration(input, parameters: parameters) else { return }
        for service in master.services {
            require(!service.name.isEmpty && !service.command.isEmpty, "a name and a command")
            _ = service.parameters(parameters).value("syslog_name")
        }
    }

    static let bounceTemplate = FuzzTarget("bounce-template") { input in
        let templates = BounceTemplates.parse(String(decoding: input, as: UTF8.self), file: "x").templates
        let parameters = Parameters(values: ["myhostname": "mail.test"])
        for kind in BounceTemplate.Kind.allCases { _ = templates[kind].expanded(parameters) }
    }
}
