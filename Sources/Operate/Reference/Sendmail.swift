/// Sendmail's command line, which mailq and newaliases share.
extension CommandSynopsis {
    public static let sendmail = CommandSynopsis(
        "sendmail",
        [
            .attached("A", "m, -Ac", "Ignored: there is one configuration."),
            .value("B", "type", .words(["7BIT", "8BITMIME"]), "What the body is: 7BIT or 8BITMIME."),
            .attached("b", "d, -bl", "Start the mail system, as `postfix start`."),
            .attached("b", "h, -bH", "Ignored."),
            .attached("b", "i", "Rebuild the alias tables, as newaliases."),
            .attached("b", "m", "Read a message from standard input and queue it. This is the default."),
            .attached("b", "p", "List the queue, as mailq."),
            .attached("b", "s", "Speak SMTP on standard input and output."),
            .attached("b", "v", "Do not deliver: tell by mail what would happen to each recipient."),
            .value("C", "file", .files, "Read this main.cf, or the one of this directory."),
            .value(
                "F", "name", .none,
                "Full name of the sender, for a message without a From header. Takes the place of NAME in the environment."
            ),
            .flag("G", "The message comes from elsewhere: do not rewrite its headers as for local mail."),
            .flag("I", "As -bi."),
            .value("L", "label", .none, "Ignored."),
            .value(
                "N", "conditions", .words(["never", "failure", "delay", "success"]),
                "When to send a delivery status notification: never, or any of failure, delay and success, joined by commas."
            ),
            .value(
                "O", "name=value", .words(["smtputf8=yes", "requiretls=yes"]),
                "smtputf8=yes: addresses or headers may hold UTF-8. requiretls=yes: deliver over verified TLS only. Other names are ignored."
            ),
            .value(
                "R", "part", .words(["full", "hdrs"]),
                "What a notification returns: full, or hdrs for the headers alone."),
            .flag("U", "Ignored."),
            .value("V", "id", .none, "Envelope id, told in notifications."),
            .attached(
                "X", "V[XY]",
                "Give each recipient a sender address of its own (VERP), with the delimiters X and Y instead of default_verp_delimiters."
            ),
            .flag("c", "Ignored."),
            .value("e", "mode", .none, "Ignored."),
            .value("f", "sender", .none, "Envelope sender: where notifications go."),
            .value("h", "hops", .none, "Ignored."),
            .flag("i", "A line with a dot alone does not end the message."),
            .flag("m", "Ignored."),
            .flag("n", "Refused: aliases cannot be turned off here."),
            .attached("o", "A[TYPE:]FILE", "Alias table for -bi and newaliases, instead of alias_database."),
            .attached("o", "i", "As -i."),
            .attached("o", "7, -o8, -om, other", "Ignored."),
            .value("p", "protocol", .none, "Ignored."),
            .attached("q", "f", "Attempt to deliver all queued mail now."),
            .attached("q", "INTERVAL", "Ignored: the queue manager has its own schedule."),
            .attached("q", "IQUEUEID", "Attempt to deliver this message now."),
            .attached("q", "RSITE", "Attempt to deliver all mail for this site now."),
            .value("r", "sender", .none, "As -f."),
            .flag("t", "Take recipients from the To, Cc, Bcc and Resent headers, besides those of the command line."),
            .flag("v", "Send a report of the delivery by mail. Given more than once: say more in the log."),
            .flag("x", "Ignored."),
        ])

    public static let mailq = CommandSynopsis(
        "mailq", sendmail.options + [.long("json", "", .none, "List the queue as JSON, as `postqueue -j` does.")])
    public static let newaliases = CommandSynopsis("newaliases", sendmail.options)
}
