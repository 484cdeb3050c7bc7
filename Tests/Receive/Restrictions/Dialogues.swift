// Recorded by running each dialogue against Debian's smtpd too: the answers are its own.
// swift-format-ignore-file

enum Dialogues {
    static let all = [
        Dialogue(name: "stages, warnings and deferrals", text: stages),
        Dialogue(name: "access tables", text: access),
        Dialogue(name: "listed and unlisted addresses", text: unlisted),
    ]

    static let table = #"""
        e1@s	REJECT
        e2@s	REJECT some text
        e3@s	REJECT 5.7.99 some text
        e4@s	550 hello
        e5@s	450 4.1.1 hello
        e6@s	DEFER
        e7@s	DEFER later please
        e8@s	DEFER_IF_PERMIT
        e9@s	DEFER_IF_PERMIT 4.2.1 maybe
        e10@s	DEFER_IF_REJECT
        e11@s	DEFER_IF_REJECT text
        e12@s	OK
        e13@s	RELAY
        e14@s	12345
        e15@s	DUNNO
        e16@s	WARN
        e17@s	WARN some warning
        e18@s	INFO
        e19@s	INFO some info
        e20@s	HOLD
        e21@s	HOLD some
        e22@s	DISCARD
        e23@s	DISCARD some
        e24@s	FILTER smtp:foo
        e25@s	FILTER foo
        e26@s	FILTER
        e27@s	REDIRECT a@b
        e28@s	REDIRECT foo
        e29@s	BCC a@b
        e30@s	BCC foo
        e31@s	PREPEND X: y
        e32@s	PREPEND
        e33@s	reject_unauth_destination, reject
        e34@s	permit
        e35@s	foo
        e36@s	check_sender_access hash:/etc/postfix/access
        e37@s	myclass
        e38@s	550
        e39@s	600 foo
        e40@s	5500 foo
        e41@s	550 5.1.1
        e42@s	reject_rbl_client
        e43@s	HOLD
        e44@s	PREPEND foo
        e45@s	permit_mynetworks, warn_if_reject reject
        e46@s	defer_if_permit
        e47@s	reject_non_fqdn_recipient
        e48@s	450 4.7.1
        u@s	REJECT ext
        """#

    static let stages = #"""
        >>> relay_restrictions permit_mynetworks,reject_unauth_destination
        OK
        >>> mydestination local.example
        OK
        >>> relay_domains relay.example
        OK
        >>> mynetworks 192.0.2.0/24
        OK
        >>> client mail.example.net 198.51.100.7
        OK
        >>> helo mail.example.net
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@relay.example
        OK
        >>> rcpt x@sub.relay.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<a@b.example> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> rcpt x@other.example@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example@local.example>: Relay access denied; from=<a@b.example> to=<x@other.example@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example@local.example>: Relay access denied
        >>> rcpt x%other.example@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x%other.example@local.example>: Relay access denied; from=<a@b.example> to=<x%other.example@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x%other.example@local.example>: Relay access denied
        >>> rcpt postmaster
        OK
        >>> relay_restrictions defer_unauth_destination
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 454 4.7.1 <x@other.example>: Relay access denied; from=<a@b.example> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        454 4.7.1 <x@other.example>: Relay access denied
        >>> recipient_restrictions reject_non_fqdn_recipient,permit
        OK
        >>> rcpt x@local
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 454 4.7.1 <x@local>: Relay access denied; from=<a@b.example> to=<x@local> proto=SMTP helo=<mail.example.net>
        454 4.7.1 <x@local>: Relay access denied
        >>> rcpt xyz
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 504 5.5.2 <xyz>: Recipient address rejected: need fully-qualified address; from=<a@b.example> to=<xyz> proto=SMTP helo=<mail.example.net>
        504 5.5.2 <xyz>: Recipient address rejected: need fully-qualified address
        >>> rcpt x@[127.0.0.1]
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 454 4.7.1 <x@[127.0.0.1]>: Relay access denied; from=<a@b.example> to=<x@[127.0.0.1]> proto=SMTP helo=<mail.example.net>
        454 4.7.1 <x@[127.0.0.1]>: Relay access denied
        >>> rcpt x@local.example
        OK
        >>> sender_restrictions reject_non_fqdn_sender
        OK
        >>> mail abc@def
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 504 5.5.2 <abc@def>: Sender address rejected: need fully-qualified address; from=<abc@def> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        504 5.5.2 <abc@def>: Sender address rejected: need fully-qualified address
        >>> mail abc
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 504 5.5.2 <abc>: Sender address rejected: need fully-qualified address; from=<abc> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        504 5.5.2 <abc>: Sender address rejected: need fully-qualified address
        >>> mail <>
        OK
        >>> rcpt x@local.example
        OK
        >>> sender_restrictions permit
        OK
        >>> mail a@b.example
        OK
        >>> helo_restrictions reject_invalid_helo_hostname
        OK
        >>> helo 1.2.3.4
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> helo foo_bar
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> helo foo--bar-
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 501 5.5.2 <foo--bar->: Helo command rejected: Invalid name; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<foo--bar->
        501 5.5.2 <foo--bar->: Helo command rejected: Invalid name
        >>> helo [1.2.3]
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 501 5.5.2 <[1.2.3]>: Helo command rejected: invalid ip address; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<[1.2.3]>
        501 5.5.2 <[1.2.3]>: Helo command rejected: invalid ip address
        >>> helo [1.2.3.4]
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> helo .
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 501 5.5.2 <.>: Helo command rejected: Invalid name; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<.>
        501 5.5.2 <.>: Helo command rejected: Invalid name
        >>> helo a..b
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 501 5.5.2 <a..b>: Helo command rejected: Invalid name; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<a..b>
        501 5.5.2 <a..b>: Helo command rejected: Invalid name
        >>> helo foo.
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> helo_restrictions reject_non_fqdn_helo_hostname
        OK
        >>> helo foo.
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 504 5.5.2 <foo.>: Helo command rejected: need fully-qualified hostname; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<foo.>
        504 5.5.2 <foo.>: Helo command rejected: need fully-qualified hostname
        >>> helo foo
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 504 5.5.2 <foo>: Helo command rejected: need fully-qualified hostname; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<foo>
        504 5.5.2 <foo>: Helo command rejected: need fully-qualified hostname
        >>> helo foo.bar
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> helo 1.2.3.4
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 504 5.5.2 <1.2.3.4>: Helo command rejected: need fully-qualified hostname; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<1.2.3.4>
        504 5.5.2 <1.2.3.4>: Helo command rejected: need fully-qualified hostname
        >>> helo [1.2.3]
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 501 5.5.2 <[1.2.3]>: Helo command rejected: invalid ip address; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<[1.2.3]>
        501 5.5.2 <[1.2.3]>: Helo command rejected: invalid ip address
        >>> helo foo_bar.baz
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> helo_restrictions permit
        OK
        >>> client_restrictions reject_unknown_client_hostname
        OK
        >>> client unknown 198.51.100.8
        OK
        >>> helo x.y
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.8]; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.8]
        >>> client_restrictions reject_unknown_reverse_client_hostname
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 450 4.7.1 Client host rejected: cannot find your reverse hostname, [198.51.100.8]; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        450 4.7.1 Client host rejected: cannot find your reverse hostname, [198.51.100.8]
        >>> client_restrictions reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 554 5.7.1 <unknown[198.51.100.8]>: Client host rejected: Access denied; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        554 5.7.1 <unknown[198.51.100.8]>: Client host rejected: Access denied
        >>> client_restrictions defer
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 450 4.3.2 <unknown[198.51.100.8]>: Client host rejected: Try again later; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        450 4.3.2 <unknown[198.51.100.8]>: Client host rejected: Try again later
        >>> client_restrictions defer_if_permit
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 450 4.7.0 <unknown[198.51.100.8]>: Client host rejected: defer_if_permit requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        450 4.7.0 <unknown[198.51.100.8]>: Client host rejected: defer_if_permit requested
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 454 4.7.1 <x@other.example>: Relay access denied; from=<a@b.example> to=<x@other.example> proto=SMTP helo=<x.y>
        454 4.7.1 <x@other.example>: Relay access denied
        >>> client_restrictions defer_if_reject
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 454 4.7.1 <x@other.example>: Relay access denied; from=<a@b.example> to=<x@other.example> proto=SMTP helo=<x.y>
        454 4.7.1 <x@other.example>: Relay access denied
        >>> client_restrictions defer_if_reject,defer_if_permit
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 450 4.7.0 <unknown[198.51.100.8]>: Client host rejected: defer_if_permit requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        450 4.7.0 <unknown[198.51.100.8]>: Client host rejected: defer_if_permit requested
        >>> client_restrictions warn_if_reject,reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from unknown[198.51.100.8]: 554 5.7.1 <unknown[198.51.100.8]>: Client host rejected: Access denied; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        OK
        >>> client_restrictions warn_if_reject,defer_if_permit
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from unknown[198.51.100.8]: 450 4.7.0 <unknown[198.51.100.8]>: Client host rejected: defer_if_permit requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        OK
        >>> client_restrictions reject_plaintext_session
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 450 4.7.1 Session encryption is required; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        450 4.7.1 Session encryption is required
        >>> client_restrictions permit
        OK
        >>> helo_restrictions reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 554 5.7.1 <x.y>: Helo command rejected: Access denied; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        554 5.7.1 <x.y>: Helo command rejected: Access denied
        >>> helo_restrictions permit
        OK
        >>> sender_restrictions reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 554 5.7.1 <a@b.example>: Sender address rejected: Access denied; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        554 5.7.1 <a@b.example>: Sender address rejected: Access denied
        >>> sender_restrictions permit
        OK
        >>> recipient_restrictions reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 554 5.7.1 <x@local.example>: Recipient address rejected: Access denied; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<x.y>
        554 5.7.1 <x@local.example>: Recipient address rejected: Access denied
        >>> rcpt postmaster
        OK
        >>> rcpt Postmaster
        OK
        >>> rcpt postmaster@local.example
        <queue id>: reject: RCPT from unknown[198.51.100.8]: 554 5.7.1 <postmaster@local.example>: Recipient address rejected: Access denied; from=<a@b.example> to=<postmaster@local.example> proto=SMTP helo=<x.y>
        554 5.7.1 <postmaster@local.example>: Recipient address rejected: Access denied
        >>> recipient_restrictions permit
        OK
        >>> data_restrictions reject
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> data
        <queue id>: reject: DATA from unknown[198.51.100.8]: 554 5.7.1 <DATA>: Data command rejected: Access denied; from=<a@b.example> proto=SMTP helo=<x.y>
        554 5.7.1 <DATA>: Data command rejected: Access denied
        >>> data_restrictions defer_if_permit
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        OK
        >>> data
        <queue id>: reject: DATA from unknown[198.51.100.8]: 450 4.7.0 <DATA>: Data command rejected: defer_if_permit requested; from=<a@b.example> proto=SMTP helo=<x.y>
        450 4.7.0 <DATA>: Data command rejected: defer_if_permit requested
        >>> data_restrictions permit
        OK
        >>> etrn_restrictions reject
        OK
        >>> etrn foo.example
        <queue id>: reject: ETRN from unknown[198.51.100.8]: 554 5.7.1 <foo.example>: Etrn command rejected: Access denied; from=<a@b.example> proto=SMTP helo=<x.y>
        554 5.7.1 <foo.example>: Etrn command rejected: Access denied
        """#

    static let access = #"""
        >>> relay_restrictions permit_mynetworks,reject_unauth_destination
        OK
        >>> mydestination local.example
        OK
        >>> recipient_delimiter +
        OK
        >>> restriction_class myclass,warn_if_reject,reject,defer
        OK
        >>> sender_restrictions check_sender_access,TABLE
        OK
        >>> client mail.example.net 198.51.100.7
        OK
        >>> helo mail.example.net
        OK
        >>> mail e1@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e1@s>: Sender address rejected: Access denied; from=<e1@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <e1@s>: Sender address rejected: Access denied
        >>> mail e2@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e2@s>: Sender address rejected: some text; from=<e2@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <e2@s>: Sender address rejected: some text
        >>> mail e3@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.99 <e3@s>: Sender address rejected: some text; from=<e3@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.99 <e3@s>: Sender address rejected: some text
        >>> mail e4@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <e4@s>: Sender address rejected: hello; from=<e4@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <e4@s>: Sender address rejected: hello
        >>> mail e5@s
        OK
        >>> rcpt x@local.example
        mapping DSN status 4.1.1 into Sender address status 4.1.7
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.1.7 <e5@s>: Sender address rejected: hello; from=<e5@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.1.7 <e5@s>: Sender address rejected: hello
        >>> mail e6@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.1 <e6@s>: Sender address rejected: Access denied; from=<e6@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.1 <e6@s>: Sender address rejected: Access denied
        >>> mail e7@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.1 <e7@s>: Sender address rejected: later please; from=<e7@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.1 <e7@s>: Sender address rejected: later please
        >>> mail e8@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.1 <e8@s>: Sender address rejected: Service unavailable; from=<e8@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.1 <e8@s>: Sender address rejected: Service unavailable
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e8@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e9@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.2.1 <e9@s>: Sender address rejected: maybe; from=<e9@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.2.1 <e9@s>: Sender address rejected: maybe
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e9@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e10@s
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e10@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e11@s
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e11@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e12@s
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e12@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e13@s
        OK
        >>> rcpt x@local.example
        OK
        >>> mail e14@s
        OK
        >>> rcpt x@local.example
        OK
        >>> mail e15@s
        OK
        >>> rcpt x@local.example
        OK
        >>> mail e16@s
        OK
        >>> rcpt x@local.example
        <queue id>: warn: RCPT from mail.example.net[198.51.100.7]: ; from=<e16@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e17@s
        OK
        >>> rcpt x@local.example
        <queue id>: warn: RCPT from mail.example.net[198.51.100.7]: some warning; from=<e17@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e18@s
        OK
        >>> rcpt x@local.example
        <queue id>: info: RCPT from mail.example.net[198.51.100.7]: ; from=<e18@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e19@s
        OK
        >>> rcpt x@local.example
        <queue id>: info: RCPT from mail.example.net[198.51.100.7]: some info; from=<e19@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e20@s
        OK
        >>> rcpt x@local.example
        <queue id>: hold: RCPT from mail.example.net[198.51.100.7]: <e20@s>: Sender address triggers HOLD action; from=<e20@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e21@s
        OK
        >>> rcpt x@local.example
        <queue id>: hold: RCPT from mail.example.net[198.51.100.7]: <e21@s>: Sender address some; from=<e21@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e22@s
        OK
        >>> rcpt x@local.example
        <queue id>: discard: RCPT from mail.example.net[198.51.100.7]: <e22@s>: Sender address triggers DISCARD action; from=<e22@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e23@s
        OK
        >>> rcpt x@local.example
        <queue id>: discard: RCPT from mail.example.net[198.51.100.7]: <e23@s>: Sender address some; from=<e23@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e24@s
        OK
        >>> rcpt x@local.example
        <queue id>: filter: RCPT from mail.example.net[198.51.100.7]: <e24@s>: Sender address triggers FILTER smtp:foo; from=<e24@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e25@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE entry "e25@s" requires transport:destination
        OK
        >>> mail e26@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE entry "e26@s" has FILTER entry without value
        OK
        >>> mail e27@s
        OK
        >>> rcpt x@local.example
        <queue id>: redirect: RCPT from mail.example.net[198.51.100.7]: <e27@s>: Sender address triggers REDIRECT a@b; from=<e27@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e28@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE entry "e28@s" requires user@domain target
        OK
        >>> mail e29@s
        OK
        >>> rcpt x@local.example
        <queue id>: bcc: RCPT from mail.example.net[198.51.100.7]: <e29@s>: Sender address triggers BCC a@b; from=<e29@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e30@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE entry "e30@s" requires user@domain target
        OK
        >>> mail e31@s
        OK
        >>> rcpt x@local.example
        OK
        >>> mail e32@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE entry "e32@s" requires header: text
        OK
        >>> mail e33@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e33@s>: Sender address rejected: Access denied; from=<e33@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <e33@s>: Sender address rejected: Access denied
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e33@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e34@s
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e34@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e35@s
        OK
        >>> rcpt x@local.example
        warning: unknown smtpd restriction: "foo"
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.5 Server configuration error; from=<e35@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.5 Server configuration error
        >>> mail e36@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE has entry with lookup table: check_sender_access hash:/etc/postfix/access
        warning: do not specify lookup tables inside SMTPD access maps
        warning: define a restriction class and specify its name instead.
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.5 Server configuration error; from=<e36@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.5 Server configuration error
        >>> mail e37@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e37@s>: Sender address rejected: Access denied; from=<e37@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.3.2 <e37@s>: Sender address rejected: Try again later; from=<e37@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.3.2 <e37@s>: Sender address rejected: Try again later
        >>> rcpt x@other.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e37@s>: Sender address rejected: Access denied; from=<e37@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.3.2 <e37@s>: Sender address rejected: Try again later; from=<e37@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        450 4.3.2 <e37@s>: Sender address rejected: Try again later
        >>> mail e38@s
        OK
        >>> rcpt x@local.example
        OK
        >>> mail e39@s
        OK
        >>> rcpt x@local.example
        warning: unknown smtpd restriction: "600"
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.5 Server configuration error; from=<e39@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.5 Server configuration error
        >>> mail e40@s
        OK
        >>> rcpt x@local.example
        warning: unknown smtpd restriction: "5500"
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.5 Server configuration error; from=<e40@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.5 Server configuration error
        >>> mail e43@s
        OK
        >>> rcpt x@local.example
        <queue id>: hold: RCPT from mail.example.net[198.51.100.7]: <e43@s>: Sender address triggers HOLD action; from=<e43@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e44@s
        OK
        >>> rcpt x@local.example
        warning: access table TABLE entry "e44@s" requires header: text
        OK
        >>> mail e45@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e45@s>: Sender address rejected: Access denied; from=<e45@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> rcpt x@other.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e45@s>: Sender address rejected: Access denied; from=<e45@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e45@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e46@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.1 <e46@s>: Sender address rejected: Service unavailable; from=<e46@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.1 <e46@s>: Sender address rejected: Service unavailable
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e46@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e47@s
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e47@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail u+foo@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <u+foo@s>: Sender address rejected: ext; from=<u+foo@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <u+foo@s>: Sender address rejected: ext
        >>> sender_restrictions TABLE
        OK
        >>> mail e1@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e1@s>: Sender address rejected: Access denied; from=<e1@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <e1@s>: Sender address rejected: Access denied
        >>> mail e1@s
        OK
        >>> rcpt postmaster
        OK
        >>> sender_restrictions warn_if_reject,TABLE
        OK
        >>> mail e1@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <e1@s>: Sender address rejected: Access denied; from=<e1@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e8@s
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 450 4.7.1 <e8@s>: Sender address rejected: Service unavailable; from=<e8@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e10@s
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<e10@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> mail e22@s
        OK
        >>> rcpt x@other.example
        <queue id>: discard: RCPT from mail.example.net[198.51.100.7]: <e22@s>: Sender address triggers DISCARD action; from=<e22@s> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> sender_restrictions permit
        OK
        >>> soft_bounce 1
        OK
        >>> rcpt x@other.example
        OK
        >>> soft_bounce 0
        OK
        >>> smtpd_log_access_permit_actions static:all
        OK
        >>> client_restrictions permit_mynetworks,permit_inet_interfaces,permit
        OK
        >>> helo_restrictions permit
        OK
        >>> sender_restrictions check_sender_access,TABLE
        OK
        >>> mynetworks 198.51.100.0/24
        OK
        >>> mail e12@s
        OK
        >>> rcpt x@local.example
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit_mynetworks for Client host=mail.example.net[198.51.100.7] ; from=<e12@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit for Helo command=mail.example.net ; from=<e12@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=OK for Sender address=e12@s from TABLE; from=<e12@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit_mynetworks for Client host=mail.example.net[198.51.100.7] ; from=<e12@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e13@s
        OK
        >>> rcpt x@local.example
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit_mynetworks for Client host=mail.example.net[198.51.100.7] ; from=<e13@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit for Helo command=mail.example.net ; from=<e13@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=RELAY for Sender address=e13@s from TABLE; from=<e13@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit_mynetworks for Client host=mail.example.net[198.51.100.7] ; from=<e13@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> mail e34@s
        OK
        >>> rcpt x@local.example
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit_mynetworks for Client host=mail.example.net[198.51.100.7] ; from=<e34@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit for Helo command=mail.example.net ; from=<e34@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit for Sender address=e34@s ; from=<e34@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        <queue id>: permit: RCPT from mail.example.net[198.51.100.7]: action=permit_mynetworks for Client host=mail.example.net[198.51.100.7] ; from=<e34@s> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        """#

    static let unlisted = #"""
        >>> relay_restrictions permit_mynetworks,reject_unauth_destination
        OK
        >>> mydestination local.example
        OK
        >>> client mail.example.net 198.51.100.7
        OK
        >>> helo mail.example.net
        OK
        >>> sender_restrictions defer_if_reject,reject
        OK
        >>> mail a@b.example
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.0 <a@b.example>: Sender address rejected: defer_if_reject requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.0 <a@b.example>: Sender address rejected: defer_if_reject requested
        >>> sender_restrictions defer_if_reject
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@other.example>: Relay access denied; from=<a@b.example> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        554 5.7.1 <x@other.example>: Relay access denied
        >>> sender_restrictions permit
        OK
        >>> relay_restrictions defer_if_reject,reject_unauth_destination
        OK
        >>> rcpt x@other.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.0 <x@other.example>: Recipient address rejected: defer_if_reject requested; from=<a@b.example> to=<x@other.example> proto=SMTP helo=<mail.example.net>
        450 4.7.0 <x@other.example>: Recipient address rejected: defer_if_reject requested
        >>> rcpt x@local.example
        OK
        >>> relay_restrictions defer_if_reject,permit_mynetworks,reject_unauth_destination
        OK
        >>> recipient_restrictions reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_reject requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_reject requested
        >>> recipient_restrictions warn_if_reject,defer_if_reject,reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_reject requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_reject requested
        >>> recipient_restrictions defer_if_reject,warn_if_reject,reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 554 5.7.1 <x@local.example>: Recipient address rejected: Access denied; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> relay_restrictions reject_unauth_destination
        OK
        >>> recipient_restrictions defer_if_permit,defer_if_reject,reject_unlisted_recipient,permit
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_permit requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_permit requested
        >>> recipient_restrictions warn_if_reject,defer_if_permit,reject_non_fqdn_recipient
        OK
        >>> rcpt x@local.example
        <queue id>: reject_warning: RCPT from mail.example.net[198.51.100.7]: 450 4.7.0 <x@local.example>: Recipient address rejected: defer_if_permit requested; from=<a@b.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        OK
        >>> recipient_restrictions permit,reject
        OK
        >>> rcpt x@local.example
        warning: restriction `reject' after `permit' is ignored
        OK
        >>> recipient_restrictions reject_unlisted_recipient
        OK
        >>> local_recipient_maps inline:{x=y}
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt y@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <y@local.example>: Recipient address rejected: User unknown in local recipient table; from=<a@b.example> to=<y@local.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <y@local.example>: Recipient address rejected: User unknown in local recipient table
        >>> rcpt x+foo@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <x+foo@local.example>: Recipient address rejected: User unknown in local recipient table; from=<a@b.example> to=<x+foo@local.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <x+foo@local.example>: Recipient address rejected: User unknown in local recipient table
        >>> recipient_delimiter +
        OK
        >>> rcpt x+foo@local.example
        OK
        >>> recipient_restrictions permit
        OK
        >>> rcpt y@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <y@local.example>: Recipient address rejected: User unknown in local recipient table; from=<a@b.example> to=<y@local.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <y@local.example>: Recipient address rejected: User unknown in local recipient table
        >>> show_user_unknown_table_name 0
        OK
        >>> rcpt y@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <y@local.example>: Recipient address rejected: User unknown; from=<a@b.example> to=<y@local.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <y@local.example>: Recipient address rejected: User unknown
        >>> show_user_unknown_table_name 1
        OK
        >>> virtual_alias_domains valias.example
        OK
        >>> virtual_alias_maps inline:{a@valias.example=b@c}
        OK
        >>> rcpt a@valias.example
        OK
        >>> rcpt b@valias.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <b@valias.example>: Recipient address rejected: User unknown in virtual alias table; from=<a@b.example> to=<b@valias.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <b@valias.example>: Recipient address rejected: User unknown in virtual alias table
        >>> virtual_mailbox_domains vmbox.example
        OK
        >>> rcpt q@vmbox.example
        OK
        >>> virtual_mailbox_maps inline:{a@vmbox.example=a}
        OK
        >>> rcpt a@vmbox.example
        OK
        >>> rcpt a+x@vmbox.example
        OK
        >>> rcpt q@vmbox.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <q@vmbox.example>: Recipient address rejected: User unknown in virtual mailbox table; from=<a@b.example> to=<q@vmbox.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <q@vmbox.example>: Recipient address rejected: User unknown in virtual mailbox table
        >>> relay_domains rel.example
        OK
        >>> rcpt q@rel.example
        OK
        >>> relay_recipient_maps inline:{a@rel.example=a}
        OK
        >>> rcpt q@rel.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <q@rel.example>: Recipient address rejected: User unknown in relay recipient table; from=<a@b.example> to=<q@rel.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <q@rel.example>: Recipient address rejected: User unknown in relay recipient table
        >>> rcpt a@rel.example
        OK
        >>> rcpt q@sub.rel.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.1 <q@sub.rel.example>: Recipient address rejected: User unknown in relay recipient table; from=<a@b.example> to=<q@sub.rel.example> proto=SMTP helo=<mail.example.net>
        550 5.1.1 <q@sub.rel.example>: Recipient address rejected: User unknown in relay recipient table
        >>> smtpd_reject_unlisted_sender 1
        OK
        >>> mail q@vmbox.example
        OK
        >>> rcpt a@rel.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.0 <q@vmbox.example>: Sender address rejected: User unknown in virtual mailbox table; from=<q@vmbox.example> to=<a@rel.example> proto=SMTP helo=<mail.example.net>
        550 5.1.0 <q@vmbox.example>: Sender address rejected: User unknown in virtual mailbox table
        >>> mail a@vmbox.example
        OK
        >>> rcpt a@rel.example
        OK
        >>> mail zz@local.example
        OK
        >>> rcpt a@rel.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.0 <zz@local.example>: Sender address rejected: User unknown in local recipient table; from=<zz@local.example> to=<a@rel.example> proto=SMTP helo=<mail.example.net>
        550 5.1.0 <zz@local.example>: Sender address rejected: User unknown in local recipient table
        >>> mail z@valias.example
        OK
        >>> rcpt a@rel.example
        mapping DSN status 5.1.1 into Sender address status 5.1.7
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.7 <z@valias.example>: Sender address rejected: User unknown in virtual alias table; from=<z@valias.example> to=<a@rel.example> proto=SMTP helo=<mail.example.net>
        550 5.1.7 <z@valias.example>: Sender address rejected: User unknown in virtual alias table
        >>> mail z@rel.example
        OK
        >>> rcpt a@rel.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.1.0 <z@rel.example>: Sender address rejected: User unknown in relay recipient table; from=<z@rel.example> to=<a@rel.example> proto=SMTP helo=<mail.example.net>
        550 5.1.0 <z@rel.example>: Sender address rejected: User unknown in relay recipient table
        >>> smtpd_reject_unlisted_sender 0
        OK
        >>> unknown_local_recipient_reject_code 450
        OK
        >>> rcpt zz@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 450 4.1.1 <zz@local.example>: Recipient address rejected: User unknown in local recipient table; from=<z@rel.example> to=<zz@local.example> proto=SMTP helo=<mail.example.net>
        450 4.1.1 <zz@local.example>: Recipient address rejected: User unknown in local recipient table
        >>> smtpd_reject_unlisted_recipient 0
        OK
        >>> rcpt zz@local.example
        OK
        >>> local_recipient_maps fail:1
        OK
        >>> smtpd_reject_unlisted_recipient 1
        OK
        >>> rcpt zz@local.example
        warning: fail:1 lookup error for "zz@local.example"
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.0 <zz@local.example>: Temporary lookup failure; from=<z@rel.example> to=<zz@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.0 <zz@local.example>: Temporary lookup failure
        >>> local_recipient_maps inline:{x=y}
        OK
        >>> sender_restrictions check_sender_access,fail:1
        OK
        >>> rcpt x@local.example
        warning: fail:1 lookup error for "z@rel.example"
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.5 <z@rel.example>: Sender address rejected: Server configuration error; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.5 <z@rel.example>: Sender address rejected: Server configuration error
        >>> sender_restrictions permit
        OK
        >>> mynetworks fail:1
        OK
        >>> relay_restrictions permit_mynetworks,reject_unauth_destination
        OK
        >>> rcpt x@local.example
        warning: mynetworks: fail:1: table lookup problem
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 451 4.3.0 <x@local.example>: Temporary lookup failure; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        451 4.3.0 <x@local.example>: Temporary lookup failure
        >>> mynetworks 1.2.3.4
        OK
        >>> reject_code 599
        OK
        >>> access_map_reject_code 550
        OK
        >>> client_restrictions check_client_access,inline:{198.51.100=reject},reject
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <mail.example.net[198.51.100.7]>: Client host rejected: Access denied; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <mail.example.net[198.51.100.7]>: Client host rejected: Access denied
        >>> client_restrictions check_client_access,inline:{example.net=reject}
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <mail.example.net[198.51.100.7]>: Client host rejected: Access denied; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <mail.example.net[198.51.100.7]>: Client host rejected: Access denied
        >>> client_restrictions check_client_access,inline:{.example.net=reject}
        OK
        >>> rcpt x@local.example
        OK
        >>> parent_domain_matches_subdomains debug_peer_list
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <mail.example.net[198.51.100.7]>: Client host rejected: Access denied; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <mail.example.net[198.51.100.7]>: Client host rejected: Access denied
        >>> client_restrictions check_helo_access,inline:{mail.example.net=reject}
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <mail.example.net>: Helo command rejected: Access denied; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <mail.example.net>: Helo command rejected: Access denied
        >>> client_restrictions check_reverse_client_hostname_access,inline:{mail.example.net=reject}
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <mail.example.net>: Unverified Client host rejected: Access denied; from=<z@rel.example> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <mail.example.net>: Unverified Client host rejected: Access denied
        >>> client_restrictions permit
        OK
        >>> sender_restrictions check_sender_access,inline:{<>=reject}
        OK
        >>> mail <>
        OK
        >>> rcpt x@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 550 5.7.1 <>: Sender address rejected: Access denied; from=<> to=<x@local.example> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <>: Sender address rejected: Access denied
        >>> sender_restrictions permit
        OK
        >>> recipient_restrictions check_recipient_access,inline:{local.example=ok},reject
        OK
        >>> rcpt x@local.example
        OK
        >>> recipient_restrictions check_recipient_access,inline:{x@=ok},reject
        OK
        >>> rcpt x@local.example
        OK
        >>> rcpt zz@local.example
        <queue id>: reject: RCPT from mail.example.net[198.51.100.7]: 599 5.7.1 <zz@local.example>: Recipient address rejected: Access denied; from=<> to=<zz@local.example> proto=SMTP helo=<mail.example.net>
        599 5.7.1 <zz@local.example>: Recipient address rejected: Access denied
        >>> etrn_restrictions inline:{foo.example=reject}
        OK
        >>> etrn foo.example
        <queue id>: reject: ETRN from mail.example.net[198.51.100.7]: 550 5.7.1 <foo.example>: Etrn command rejected: Access denied; from=<> proto=SMTP helo=<mail.example.net>
        550 5.7.1 <foo.example>: Etrn command rejected: Access denied
        >>> recipient_restrictions permit
        OK
        >>> end_of_data_restrictions check_sender_access,inline:{c@d.example=reject}
        OK
        >>> data_restrictions check_recipient_access,inline:{x@local.example=hold}
        OK
        """#
}
