/// The commands that start and stop the system.
extension CommandSynopsis {
    public static let postfix = CommandSynopsis(
        "postfix",
        subcommands: [
            (
                "check",
                "Read the configuration as start would, make missing directories of the queue, and warn of wrong owners and modes, and of what would be found out only when mail comes: tables that are missing or older than their source, restrictions that are never reached, open relays, passwords without TLS, certificates that do not fit or expire, transports that are missing. Silent when all is well; with -v also tells which separation of processes is active. Exit status 0 when start would go ahead, whatever it would warn of, so that scripts go on as with Postfix; 1 for errors that stop it. With --strict, exit status 2 when there are warnings. With --json, an object a line on standard output, and the exit status of --strict."
            ),
            ("start", "Check, then start the mail system in the background."),
            ("start-fg", "Check, then run the mail system in the foreground, as containers want it."),
            ("stop", "Stop: work under way is finished first, within limits."),
            ("abort", "Stop at once; interrupted deliveries are made later."),
            ("drain", "Stop taking mail and starting deliveries; what is under way ends by itself."),
            ("quick-stop", "As stop; exit status 0 when nothing ran."),
            (
                "reload",
                "Read the configuration again. A configuration with errors is refused and the system goes on as it was."
            ),
            ("flush", "Attempt to deliver all queued mail now."),
            ("status", "Tell whether the mail system runs: exit status 0 when it does."),
            (
                "set-permissions",
                "Make users and groups, and set owners and modes of queue and commands. `name=value` arguments change installation parameters such as queue_directory or setgid_group, in main.cf too."
            ),
            (
                "upgrade-configuration",
                "Add services and settings to master.cf and main.cf that came after they were written, and say which. Arguments as with set-permissions."
            ),
            (
                "post-install",
                "Installation steps for packages, one or several: create-missing set-permissions upgrade-permissions upgrade-source upgrade-package upgrade-configuration first-install-reminder. Arguments as with set-permissions."
            ),
            (
                "tls",
                "Turn on TLS, make and deploy keys and certificates, print certificate requests and TLSA records. See postfix-tls(1)."
            ),
            (
                "non-bdb",
                "Leave Berkeley DB behind: let hash: and btree: tables be tables of other types. See postfix-non-bdb(1)."
            ),
            ("logrotate", "Rename maillog_file, compress it with maillog_file_compressor, and begin a new one."),
        ],
        [
            .configuration,
            .flag("D", "Accepted; debuggers are attached by hand."),
            .verbose,
            .long("json", "", .none, "After check: an object a line on standard output."),
            .long("strict", "", .none, "After check: exit status 2 when there are warnings."),
        ])

    public static let master = CommandSynopsis(
        "master", section: 8,
        [
            .configuration,
            .flag("d", "Stay in the foreground."),
            .flag("D", "Accepted without effect."),
            .value("e", "seconds", .none, "End after this time."),
            .flag("i", "Run as the first process of a container."),
            .flag("s", "Stay in the foreground and keep standard output."),
            .flag("t", "Test the lock: exit status 0 when no master runs on this queue."),
            .verbose,
            .flag("w", "Go to the background and return when the system is ready."),
        ])

    /// Every command that is installed, and master.
    public static let all: [CommandSynopsis] = [
        mailq, master, newaliases, postalias, postcat, postconf, postdrop, postfix, postfixNonBDB, postfixTLS, postkick,
        postlock,
        postlog, postmap, postmulti, postqueue, postsuper, posttlsFinger, qshape, sendmail,
    ]

    public static func find(_ name: String) -> CommandSynopsis? { all.first { $0.name == name } }
}
