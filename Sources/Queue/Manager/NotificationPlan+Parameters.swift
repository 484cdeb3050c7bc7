import Configuration
import MailSyntax

extension NotificationPlan.Settings {
    init(_ parameters: Parameters) {
        self.init()
        classes = Set(parameters.list("notify_classes").map { ASCII.lowercased($0) })
        bounceRecipient = parameters["bounce_notice_recipient"]
        doubleBounceRecipient = parameters["2bounce_notice_recipient"]
        delayRecipient = parameters["delay_notice_recipient"]
        returnsSeparately = !parameters.bool("disable_verp_bounces")
        doubleBounceAddress = "\(parameters["double_bounce_sender"])@\(parameters["myhostname"])"
    }
}
