/// The commands that look after the queue.
extension CommandSynopsis {
    public static let postqueue = CommandSynopsis(
        "postqueue",
        [
            .configuration,
            .flag("f", "Flush: attempt to deliver all queued mail now, whatever its next attempt was set to."),
            .value("i", "queue-id", .queueIDs, "Attempt to deliver this one deferred message now."),
            .flag(
                "j",
                "List the queue as JSON, an object a line and a message an object. The list of recipients tells why each waits."
            ),
            .flag("p", "List the queue in the form that Sendmail's mailq printed. See mailq(1) for its columns."),
            .long("json", "", .none, "As -j."),
            .value(
                "s", "site", .none,
                "Attempt to deliver all mail that waits for this site; it must be one of fast_flush_domains."),
            .verbose,
        ])

    public static let postsuper = CommandSynopsis(
        "postsuper", operands: .words(["hold", "incoming", "active", "deferred"]),
        [
            .configuration,
            .value(
                "d", "queue-id", .queueIDs,
                "Delete one message. `-` reads queue ids from standard input, one a line; `ALL` means every message of the queues named, and must be in upper case."
            ),
            .value(
                "e", "queue-id", .queueIDs,
                "Expire a message: at its next attempt the queue manager returns it to its sender instead of trying again. `-` and `ALL` as above."
            ),
            .value(
                "f", "queue-id", .queueIDs,
                "Expire a message, and release it when it is on hold. `-` and `ALL` as above."),
            .value(
                "h", "queue-id", .queueIDs,
                "Put a message on hold: no delivery is attempted until it is released. `-` and `ALL` as above."),
            .value(
                "H", "queue-id", .queueIDs,
                "Release a message from hold into the deferred queue. `-` and `ALL` as above."),
            .flag("p", "Remove temporary files that a crash of the system or of a program left behind."),
            .value(
                "r", "queue-id", .queueIDs,
                "Requeue a message: it passes pickup(8) and cleanup(8) again and gets a new queue id, so that changed tables take effect. `-` and `ALL` as above."
            ),
            .flag(
                "s",
                "Check and repair the structure: names that do not match the inode of their file are changed, files move to the subdirectory that their name asks for. Needed once after the queue was copied or restored; the mail system must be down."
            ),
            .flag("S", "As -s, and names of the long form are checked against the inode too."),
            .verbose,
        ])

    public static let postcat = CommandSynopsis(
        "postcat", operands: .files,
        [
            .flag("b", "Show the body."),
            .configuration,
            .flag("d", "Show record types as numbers."),
            .flag("e", "Show the envelope records."),
            .flag("f", "Put the name of the file before each line."),
            .flag("h", "Show the headers."),
            .flag("o", "Show the offset of each record in the file."),
            .flag("q", "Operands are queue ids: look for them in the queues instead of opening files of that name."),
            .flag(
                "r", "Show records in the order of the file, without following pointers to changed headers and bodies."),
            .value("s", "offset", .none, "Begin at this offset of the file."),
            .verbose,
        ])

    public static let postdrop = CommandSynopsis(
        "postdrop",
        [
            .configuration,
            .flag(
                "r",
                "Standard input is in the records of sendmail(1), and the queue id is told as attributes on standard output. This is the only form there is."
            ),
            .verbose,
        ])

    public static let postkick = CommandSynopsis("postkick", [.configuration, .verbose])

    public static let postlock = CommandSynopsis(
        "postlock", operands: .files,
        [
            .configuration,
            .value(
                "l", "style", .words(["fcntl", "flock", "dotlock"]),
                "How to lock, instead of what mailbox_delivery_lock says: fcntl, flock, dotlock, or several."),
            .verbose,
        ])

    public static let postlog = CommandSynopsis(
        "postlog",
        [
            .configuration,
            .flag("i", "Log the process id. Accepted because scripts give it: it always is."),
            .value(
                "p", "priority", .words(["info", "warn", "error", "fatal", "panic"]),
                "How serious the text is: info (the default), warn, error, fatal, panic. After the last two the command waits a second."
            ),
            .value("t", "tag", .none, "The name under which to log, instead of postlog."),
            .verbose,
        ])
}
