/// postconf and the commands on lookup tables.
extension CommandSynopsis {
    public static let postconf = CommandSynopsis(
        "postconf", operands: .parameters,
        [
            .flag("a", "List the SASL types that the SMTP server has (smtpd_sasl_type)."),
            .flag("A", "List the SASL types that the SMTP client has."),
            .flag(
                "b",
                "Show the texts of delivery status notifications with parameters filled in. An operand names a file of templates."
            ),
            .configuration,
            .value(
                "C", "class,...", .words(["builtin", "service", "user", "all"]),
                "Show only these classes of parameters: builtin (those of postconf(5)), service (made from the services of master.cf), user (defined in main.cf), all."
            ),
            .flag("d", "Show default values instead of those of main.cf."),
            .flag(
                "e",
                "Edit: set each `name=value` operand in main.cf, or with -M, -F, -P in master.cf. Not needed for main.cf: the `=` suffices."
            ),
            .flag("E", "Accepted without effect."),
            .flag("f", "Fold long lines for reading."),
            .flag(
                "F",
                "Show or set fields of master.cf: `service/type/field`, fields being service type private unprivileged chroot wakeup process_limit command."
            ),
            .flag("h", "Show values without names."),
            .flag("H", "Show names without values."),
            .flag("j", "Print JSON, one object a line."),
            .flag("l", "List the ways to lock a mailbox."),
            .flag("m", "List the types of lookup tables."),
            .flag("M", "Show or change entries of master.cf: `service`, `service/type`."),
            .flag("n", "Show only what main.cf sets."),
            .value("o", "name=value", .parameters, "Act as if main.cf set this. May be given several times."),
            .flag("p", "Work on main.cf: the default."),
            .flag(
                "P",
                "Show or set the parameters that services of master.cf override with -o: `service/type/parameter`. Given twice, all parameters of a service are shown, overridden or not."
            ),
            .flag("q", "Do not warn about deprecated and unused parameters."),
            .flag(
                "t",
                "Show the texts of delivery status notifications as they are written, with parameters by name. An operand names a file of templates."
            ),
            .value(
                "T", "mode", .words(["compile-version", "run-version", "public-key-algorithms"]),
                "Tell about the TLS library: compile-version, run-version or public-key-algorithms."),
            .verbose,
            .flag("x", "Replace `$name` in values by what it stands for."),
            .flag(
                "X", "Remove parameters from main.cf, or entries and overrides from master.cf. There is no way back."),
            .long(
                "explain", "", .none,
                "Tell all about each parameter named: type, default, bounds, readers, the value, the file and line that set it, what it expands to, and services that override it."
            ),
            .long("json", "", .none, "As -j, with --explain too."),
            .flag("#", "Comment out parameters of main.cf, or entries of master.cf, so that their defaults apply."),
        ])

    private static let tableOptions: [CommandOption] = [
        .configuration,
        .value(
            "d", "key", .none,
            "Delete this key from each table. `-` reads keys from standard input. Exit status 0 when one was found."),
        .flag("f", "Keep upper and lower case of keys apart when making and asking a table."),
        .flag("i", "Add entries from standard input to the table and keep what it has."),
        .flag("j", "Print JSON for -q and -s: an object a line."),
        .long("json", "", .none, "As -j."),
        .flag("n", "Store keys and values without a null byte at their end."),
        .flag("N", "Store keys and values with a null byte at their end, as on Sun systems."),
        .flag("o", "Keep the super-user's rights although the source file belongs to somebody else."),
        .flag("p", "Make the table with mode 0644 instead of the mode of its source."),
        .value(
            "q", "key", .none,
            "Ask each table for this key and print the first value found. `-` reads keys from standard input and prints key and value. Exit status 1 when none was found."
        ),
        .flag("r", "Replace an entry that exists, without a word."),
        .flag("s", "Print all entries, in the order of the table."),
        .flag("u", "Do not check that keys and values are UTF-8, whatever smtputf8_enable says."),
        .verbose,
        .flag("w", "Leave an entry that exists as it is, without a word."),
    ]

    public static let postalias = CommandSynopsis("postalias", operands: .files, tableOptions)

    public static let postmap = CommandSynopsis(
        "postmap", operands: .files,
        (tableOptions + [
            .flag("b", "Standard input is a message: ask for each line of its body. Needs `-q -`."),
            .flag(
                "F", "Each value of the source names files: store their content in base64, and decode it when asked."),
            .flag(
                "h",
                "Standard input is a message: ask for each of its headers, continuation lines joined. Needs `-q -`."),
            .flag("m", "With -b and -h: know MIME parts, so that their headers count as headers."),
            .flag("U", "With -b and -h: check that keys and values are UTF-8."),
        ]).sorted { $0.letter < $1.letter })
}
