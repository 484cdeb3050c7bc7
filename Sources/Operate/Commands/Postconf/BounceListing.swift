import Configuration
import MailSystem
import Submission

/// `postconf -t` and `-b`: the texts of bounce(5), as written or as they will be sent.
struct BounceListing {
    private let options: PostconfOptions
    private let parameters: Parameters
    private let output: StandardOutput
    /// In Postfix, its bounce program reads the texts.
    private let log: MailLog

    init(_ options: PostconfOptions, _ parameters: Parameters, _ output: StandardOutput) {
        self.options = options
        self.parameters = parameters
        self.output = output
        log = CommandLog.make(tag: "bounce", parameters: parameters)
    }

    func run(_ listing: PostconfOptions.Listing) throws(CommandFailure) {
        let loaded: BounceTemplates.Loaded
        if let file = options.operands.first, !file.isEmpty {
            guard Files.exists(file) else { throw failure("open \(file): No such file or directory") }
            loaded = BounceTemplates.load(file: file)
        } else if options.operands.isEmpty {
            loaded = BounceTemplates.load(parameters)
        } else {
            loaded = BounceTemplates.Loaded()
        }
        loaded.warnings.forEach(log.warning)
        if let text = loaded.failure { throw failure(text) }
        // An error leaves nothing half said.
        var text = ""
        for kind in BounceTemplate.Kind.allCases {
            let template = loaded.templates[kind]
            var (name, lines) = (kind.rawValue, template.lines)
            if listing == .expandedBounces {
                let expanded = template.expanded(parameters)
                expanded.warnings.forEach(log.warning)
                if let text = expanded.failure { throw failure(text) }
                (name, lines) = (template.expandedName, expanded.lines)
            }
            text += "\(text.isEmpty ? "" : "\n")\(name) = <<EOF\n"
            for line in lines { text += line + "\n" }
            text += "EOF\n"
        }
        output.write(text)
    }

    private func failure(_ text: String) -> CommandFailure {
        log.fatal(text)
        return .reported
    }
}
