import Configuration

/// What notifications take from main.cf.
public struct NotificationSettings: Sendable {
    public var hostName: String
    public var mailName: String
    public var templates: BounceTemplates
    /// Expanded template texts, by kind.
    public var texts: [BounceTemplate.Kind: [String]]
    public var sizeLimit: Int
    public var smtputf8: Bool
    /// enable_threaded_bounces: References and In-Reply-To.
    public var threaded: Bool
    /// Seconds.
    public var queueLifetime: Int
    /// Of the templates; to be logged once.
    public var warnings: [String]

    public init(_ parameters: Parameters) {
        hostName = parameters["myhostname"]
        mailName = parameters["mail_name"]
        sizeLimit = parameters.int("bounce_size_limit")
        smtputf8 = parameters.bool("smtputf8_enable")
        threaded = parameters.bool("enable_threaded_bounces")
        queueLifetime = parameters.seconds("maximal_queue_lifetime")
        let loaded = BounceTemplates.load(parameters)
        templates = loaded.templates
        warnings = loaded.warnings + (loaded.failure.map { [$0] } ?? [])
        texts = [:]
        for kind in BounceTemplate.Kind.allCases {
            let (lines, found, failure) = templates[kind].expanded(parameters)
            texts[kind] = lines
            if let failure { warnings.append(failure) }
            // The times matter only where the text is sent.
            if kind != .delay || parameters.seconds("delay_warning_time") > 0 { warnings += found }
        }
    }
}
