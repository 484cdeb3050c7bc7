/// Managing several instances, and the helper of `postfix tls`.
extension CommandSynopsis {
    public static let postmulti = CommandSynopsis(
        "postmulti", operands: .files,
        [
            .flag(
                "a",
                "All instances: the default. With `-e create` and `-e import`, the new instance becomes the first of the secondary ones."
            ),
            .value(
                "e", "action",
                .words(["init", "create", "import", "destroy", "deport", "enable", "disable", "assign"]),
                "Change what instances there are: init create import destroy deport enable disable assign."),
            .value(
                "g", "group", .none,
                "Instances of this group. With `-e create` and `-e import`, the new instance goes before the first of them."
            ),
            .value("G", "group", .none, "Put the instance into this group; `-` means into none."),
            .value(
                "i", "name", .directories,
                "The instance of this name, or with this configuration directory; `-` is the primary one. With `-e create` and `-e import`, the new instance goes before it."
            ),
            .value(
                "I", "name", .none,
                "Name the instance: `postfix-` and something more, or `-` for no name. New instances have their directories named after it."
            ),
            .flag("j", "With -l: print JSON, an object a line."),
            .long("json", "", .none, "As -j."),
            .flag("l", "List name, group, whether enabled, and configuration directory."),
            .flag("p", "Run a command of postfix(1), given as operands, for each instance."),
            .flag("R", "In reverse order. Not with -p."),
            .verbose,
            .flag(
                "x",
                "Run a program, given as operands with its arguments, for each instance, with MAIL_CONFIG and the instance's settings in its environment."
            ),
        ])

    public static let postfixNonBDB = CommandSynopsis(
        "postfix-non-bdb",
        subcommands: [
            ("status", "Print the level that is set: disable, enable-redirect or enable-reindex."),
            ("disable", "hash: and btree: are Berkeley DB again."),
            (
                "enable-redirect",
                "hash: stands for $default_database_type and btree: for $default_cache_db_type, or what non_bdb_custom_mapping says, in daemons and commands. Refused while one of the two is a Berkeley DB type. Tables are made by postmap(1)."
            ),
            (
                "enable-reindex",
                "The same, and `postfix start`, `reload` and `check` make tables that are missing from their sources, below the directories of non_bdb_migration_allow_root_prefixes and non_bdb_migration_allow_user_prefixes. Meant for the time of the change."
            ),
        ], [])

    public static let postfixTLS = CommandSynopsis(
        "postfix-tls",
        subcommands: [
            (
                "enable-client",
                "[-r randsource]: opportunistic TLS for outgoing mail, when no TLS setting of the client was changed; else say what is usual."
            ),
            (
                "enable-server",
                "[-r randsource] [-a algorithm] [-b bits] [hostname...]: make a key and a self-signed certificate and offer TLS to clients, when no TLS setting of the server was changed; else say what is usual."
            ),
            (
                "new-server-key",
                "[-a algorithm] [-b bits] [hostname...]: make a key and a self-signed certificate, and say how to deploy them. The algorithm is rsa (2048 bits) or ecdsa (prime256v1), the names default to $myhostname."
            ),
            (
                "new-server-cert",
                "[-a algorithm] [-b bits] [hostname...]: the same with the key that is in use, so that TLSA records stay right."
            ),
            (
                "deploy-server-cert",
                "certfile keyfile: make the server use these; both must belong together. Relative paths begin in the configuration directory."
            ),
            (
                "output-server-csr",
                "[-k keyfile] [hostname...]: print a certificate request for a key; keyfile may be rsa or ecdsa for the key in use."
            ),
            (
                "output-server-tlsa",
                "[-h hostname] [keyfile...]: print TLSA records `3 1 1` for the keys named, or for those in use."
            ),
            ("all-default-client", "Exit status 0 when no TLS setting of the client was changed."),
            ("all-default-server", "Exit status 0 when no TLS setting of the server was changed."),
        ], [])
}
