import Configuration
import MailSystem

/// `postconf -t` and `-b`: the texts of bounce(5), as written or as they will be sent.
struct BounceListing {
    private let options: PostconfOptions
    private let parameters: Parameters
    private let output: StandardOutput

    init(_ options: PostconfOptions, _ parameters: Parameters, _ output: StandardOutput) {
        self.options = options
        self.parameters = parameters
        self.output = output
    }

    func run(_ listing: PostconfOptions.Listing) throws(CommandFailure) {
        let loaded: (templates: BounceTemplates, warnings: [String])
        if let file = options.operands.first, !file.isEmpty {
            guard Files.exists(file) else {
                // In Postfix, its bounce program says so.
                let text = "open \(file): No such file or directory"
                let tag = "\(parameters["syslog_name"])/bounce"
                StandardErrorSink().write(LogRecord(tag: tag, severity: .fatal, text: text))
                throw CommandFailure.reported
            }
            loaded = BounceTemplates.load(file: file)
        } else if options.operands.isEmpty {
            loaded = BounceTemplates.load(parameters)
        } else {
            loaded = (BounceTemplates(), [])
        }
        var warnings = loaded.warnings
        var first = true
        for kind in BounceTemplate.Kind.allCases {
            let template = loaded.templates[kind]
            if !first { output.write("\n") }
            first = false
            let name: String
            let lines: [String]
            if listing == .expandedBounces {
                let expanded = template.expanded(parameters)
                warnings += expanded.warnings
                (name, lines) = (template.expandedName, expanded.lines)
            } else {
                (name, lines) = (kind.rawValue, template.lines)
            }
            output.write("\(name) = <<EOF\n")
            for line in lines { output.write(line + "\n") }
            output.write("EOF\n")
        }
        for warning in warnings {
            StandardErrorSink().write(LogRecord(tag: "postconf", severity: .warning, text: warning))
        }
    }
}
