/// Commands that look at queues and servers.
extension CommandSynopsis {
    public static let qshape = CommandSynopsis(
        "qshape", operands: .words(["incoming", "active", "deferred", "hold", "maildrop"]),
        [
            .value("b", "count", .none, "Number of age classes (columns): 10."),
            .configuration,
            .flag("h", "Show what options there are."),
            .flag("l", "Each class is as long as the first, instead of twice as long as the one before."),
            .value("m", "count", .none, "With -p: domains with at least this many subdomains have a line: 5."),
            .value(
                "n", "count", .none, "At a terminal, show only this many domains: 20."),
            .value("N", "count", .none, "At a terminal, show what there is so far after this many messages: 1000."),
            .flag("p", "Show sums for parent domains too, with a dot before their names."),
            .flag("s", "By domain of the sender instead of the recipients."),
            .value("t", "minutes", .none, "How long the first age class is: 5."),
            .value("w", "columns", .none, "Width of the output: 80. Long domain names lose their beginning."),
        ])

    public static let posttlsFinger = CommandSynopsis(
        "posttls-finger",
        [
            .value("a", "family", .words(["any", "ipv4", "ipv6"]), "Which addresses to try first: any, ipv4 or ipv6."),
            .value(
                "A", "file", .files,
                "Trust anchors in PEM, instead of those of -F and -P. May be given several times."),
            .flag("c", "Do not show the SMTP dialogue, only what concerns TLS."),
            .flag("C", "Print the certificates of the server's chain in PEM."),
            .value(
                "d", "digest", .words(["sha256", "sha1", "sha512", "md5"]),
                "Digest of fingerprints: $smtp_tls_fingerprint_digest."),
            .flag("f", "Look for TLSA records although the addresses of the host are not signed."),
            .value("F", "file", .files, "Certification authorities in PEM. Without -F and -P nobody is trusted."),
            .value("g", "grade", .words(["high", "medium", "low", "null"]), "Least grade of ciphers: medium."),
            .value("h", "methods", .words(["dns", "native"]), "How to look up hosts, as smtp_host_lookup: dns."),
            .value("H", "files", .files, "Files with a key and certificates for this client. Not with -k and -K."),
            .value("k", "file", .files, "File with this client's certificates."),
            .value("K", "file", .files, "File with this client's key."),
            .value(
                "l", "level",
                .words(["none", "may", "encrypt", "fingerprint", "dane", "dane-only", "verify", "secure"]),
                "Security level, as smtp_tls_security_level: dane."),
            .value(
                "L", "options",
                .words([
                    "none", "routine", "summary", "debug", "peercert", "certmatch", "cache", "verbose", "untrusted",
                ]),
                "What to tell of TLS: routine,certmatch."),
            .value("m", "count", .none, "With -r: how often to connect again when other servers answer: 5."),
            .value(
                "M", "policy", .words(["dane", "encrypt", "may"]),
                "Level for hosts with TLSA records that an unsigned MX record named, at level dane: dane."),
            .value("o", "name=value", .parameters, "Act as if main.cf set this. May be given several times."),
            .value("p", "protocols", .none, "TLS versions, as smtp_tls_mandatory_protocols: >=TLSv1."),
            .value("P", "directory", .directories, "Certification authorities, a directory as c_rehash(1) makes it."),
            .value("r", "seconds", .none, "Connect again after this time, to see whether the TLS session is resumed."),
            .flag("R", "Look up SRV records of the destination instead of MX records."),
            .value("s", "name", .none, "Server name (SNI) to send."),
            .flag("S", "Speak LMTP: the destination may be unix:path, the default port is 24."),
            .value("t", "seconds", .none, "How long to wait for a connection and the greeting: 30."),
            .value("T", "seconds", .none, "How long to wait for other replies: 30."),
            .verbose,
            .flag("w", "TLS from the first byte on, as servers on port 465 do."),
            .flag(
                "x",
                "Prefer a raw public key (RFC 7250) of the server to a certificate. That needs OpenSSL 3.2: with older ones the option is refused, because a certificate would be shown instead."
            ),
            .flag(
                "X",
                "In Postfix, through its tlsproxy(8) process, for program development. Refused: here the probe makes TLS by itself, with the same code as deliveries."
            ),
        ])
}
