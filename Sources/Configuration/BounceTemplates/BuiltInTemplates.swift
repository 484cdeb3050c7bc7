extension BounceTemplates {
    private static let opening = "This is the mail system at host $myhostname."
    private static let signature = "                   The mail system"
    private static let furtherHelp = [
        "For further assistance, please send mail to postmaster.", "",
        "If you do so, please include this problem report. You can",
        "delete your own text from the attached returned message.", "", signature,
    ]

    /// The texts that people know from other mail systems and that filters look for: `postconf -t`.
    static func builtIn(_ kind: BounceTemplate.Kind) -> BounceTemplate {
        func make(_ subject: String, postmaster: String?, _ text: [String]) -> BounceTemplate {
            BounceTemplate(
                kind: kind, charset: "us-ascii", from: "Mail Delivery System <MAILER-DAEMON>", subject: subject,
                postmasterSubject: postmaster, text: [opening, ""] + text)
        }
        switch kind {
        case .failure:
            return make(
                "Undelivered Mail Returned to Sender", postmaster: "Postmaster Copy: Undelivered Mail",
                [
                    "I'm sorry to have to inform you that your message could not",
                    "be delivered to one or more recipients. It's attached below.", "",
                ] + furtherHelp)
        case .delay:
            return make(
                "Delayed Mail (still being retried)", postmaster: "Postmaster Warning: Delayed Mail",
                [
                    "####################################################################",
                    "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #",
                    "####################################################################", "",
                    "Your message could not be delivered for more than $delay_warning_time_hours hour(s).",
                    "It will be retried until it is $maximal_queue_lifetime_days day(s) old.", "",
                ] + furtherHelp)
        case .success:
            return make(
                "Successful Mail Delivery Report", postmaster: nil,
                [
                    "Your message was successfully delivered to the destination(s)",
                    "listed below. If the message was delivered to mailbox you will",
                    "receive no further notifications. Otherwise you may still receive",
                    "notifications of mail delivery errors from other systems.", "", signature,
                ])
        case .verify:
            return make(
                "Mail Delivery Status Report", postmaster: nil,
                ["Enclosed is the mail delivery report that you requested.", "", signature])
        }
    }
}
