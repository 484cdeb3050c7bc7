"""What an SMTP client and the log are told when a table fails that the dialogue itself asks: one for each parameter."""

import re

from lab.smtp import Client, wait_for
from scenarios.table_rights import MAIN, ROOT

WORLD = {"dovecot": False, "spamd": False, "article": False}
START = False

LOCAL_DATA = "421 4.3.0 smtp.example.com Server local data error"
NAME = r"localhost\[127\.0\.0\.1\]"
MAIL = "MAIL FROM:<a@elsewhere.example>"
RCPT = "RCPT TO:<root@smtp.example.com>"

# Settings, the commands with the start of their answers, and what the log says.
FAILING = [
    ("smtpd_discard_ehlo_keyword_address_maps = fail:x",
     [("HELO a", "250 smtp"), ("EHLO a", LOCAL_DATA)],
     ['smtpd[*]: warning: fail:x lookup error for "127.0.0.1"',
      f"smtpd[*]: warning: don't know what EHLO features to announce to {NAME}",
      f"smtpd[*]: NOQUEUE: reject: EHLO from {NAME}: {LOCAL_DATA}$",
      f"smtpd[*]: disconnect from {NAME} helo=1 ehlo=0/1 commands=1/2$"]),
    ("smtpd_authorized_xclient_hosts = fail:x",
     [("HELO a", "250 smtp"), ("XCLIENT ADDR=1.2.3.4", LOCAL_DATA)],
     ["smtpd[*]: warning: smtpd_authorized_xclient_hosts: fail:x: table lookup problem",
      f"smtpd[*]: warning: don't know if command XCLIENT should be allowed from {NAME}",
      f"smtpd[*]: NOQUEUE: reject: XCLIENT from {NAME}: {LOCAL_DATA}$"]),
    ("smtpd_authorized_xclient_hosts = fail:x", [("EHLO a", LOCAL_DATA)],
     [f"smtpd[*]: warning: don't know if EHLO feature XCLIENT should be announced to {NAME}",
      f"smtpd[*]: NOQUEUE: reject: EHLO from {NAME}: {LOCAL_DATA}$"]),
    ("smtpd_authorized_xforward_hosts = fail:x",
     [("HELO a", "250 smtp"), ("XFORWARD ADDR=1.2.3.4", LOCAL_DATA)],
     [f"smtpd[*]: warning: don't know if command XFORWARD should be allowed from {NAME}"]),
    ("smtpd_authorized_verp_clients = fail:x", [("EHLO a", LOCAL_DATA)],
     [f"smtpd[*]: warning: don't know if EHLO feature XVERP should be announced to {NAME}"]),
    ("smtpd_authorized_verp_clients = fail:x",
     [("HELO a", "250 smtp"), (MAIL + " XVERP", "555 5.5.4 Unsupported option: XVERP"), (MAIL, "250 2.1.0 Ok")], []),
    ("smtpd_command_filter = pipemap:{pcre:{{/^FOO/ bar}},fail:x}",
     [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "250 "), ("FOO", LOCAL_DATA)],
     ['smtpd[*]: warning: pipemap:{pcre:{{/^FOO/ bar}},fail:x} lookup error for "FOO"',
      f"smtpd[*]: [0-9A-F]*: reject: RCPT from {NAME}: {LOCAL_DATA}$",
      f"smtpd[*]: disconnect from {NAME} ehlo=1 mail=1 rcpt=1 commands=3$"]),
    ("smtpd_noop_commands = fail:x, FOO",
     [("FOO", "500 5.5.2 Error: command not recognized"), ("EHLO a", "250-"), ("QUIT", "221 ")],
     ["smtpd[*]: warning: smtpd_noop_commands: fail:x: table lookup problem"] * 3),
    ("local_header_rewrite_clients = check_address_map fail:x",
     [("EHLO a", "250-"), (MAIL, "451 4.3.0 Temporary lookup error"), (RCPT, "503 5.5.1 Error: need MAIL command")],
     ['smtpd[*]: warning: fail:x lookup error for "127.0.0.1"',
      f"smtpd[*]: NOQUEUE: reject: MAIL from {NAME}: 451 4.3.0 Temporary lookup error; proto=ESMTP helo=<a>"]),
    ("local_header_rewrite_clients = static:{}",
     [("EHLO a", "250-"), (MAIL, "451 4.3.5 Server configuration error")],
     ["smtpd[*]: warning: static:{} lookup of 127.0.0.1 returns an empty string result"]),
    ("local_header_rewrite_clients = fail:x\nmessage_size_limit = 1000",
     [("EHLO a", "250-"), (MAIL + " SIZE=3000", "552 5.3.4 Message size exceeds fixed limit")], []),
    ("sender_canonical_maps = fail:x\nsmtpd_reject_unlisted_sender = yes",
     [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "451 4.3.0 <a@elsewhere.example>: Temporary lookup failure")],
     ['smtpd[*]: warning: fail:x lookup error for "a@elsewhere.example"']),
    ("sender_canonical_maps = fail:x",
     [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "250 "), ("DATA", "354 "), (".", "451 4.3.0 Error: queue file write error")],
     ['cleanup[*]: warning: fail:x lookup error for "a@elsewhere.example"',
      "cleanup[*]: warning: [0-9A-F]*: sender_canonical_maps map lookup problem for a@elsewhere.example -- message not "
      "accepted, try again later"]),
    ("smtpd_recipient_restrictions = warn_if_reject check_recipient_access fail:x, permit",
     [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "250 ")],
     [f"smtpd[*]: NOQUEUE: reject_warning: RCPT from {NAME}: 451 4.3.5 <root@smtp.example.com>: Recipient address rejected: "
      "Server configuration error"]),
    # The class of root's address is known before these are asked, and they may only warn.
    *((f"{name} = fail:x",
       [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "250 "),
        ("RCPT TO:<u@other.example>", "451 4.3.0 <u@other.example>: Temporary lookup failure")],
       [f"trivial-rewrite[*]: warning: {name}: fail:x: table lookup problem",
        f"trivial-rewrite[*]: warning: {name} lookup failure"]) for name in ("virtual_alias_domains", "virtual_mailbox_domains")),
    ("virtual_alias_domains = v.example\nvirtual_alias_maps = inline:{a@v.example=root@smtp.example.com}\nrelay_domains = fail:x\n"
     "virtual_mailbox_domains = fail:x",
     [("EHLO a", "250-"), (MAIL, "250 "), ("RCPT TO:<a@v.example>", "250 "),
      ("RCPT TO:<b@v.example>", "550 5.1.1 <b@v.example>: Recipient address rejected: User unknown in virtual alias table")], []),
    ("mydestination = fail:x",
     [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "451 4.3.0 <root@smtp.example.com>: Temporary lookup failure")],
     ["trivial-rewrite[*]: warning: mydestination: fail:x: table lookup problem"]),
]

NO_LOGINS = "smtpd[*]: warning: restriction `%s' ignored: no SASL support"
WORKING = [
    ("smtpd_discard_ehlo_keywords = dsn, nonsense\nsmtpd_authorized_xclient_hosts = 127.0.0.1\n"
     "smtpd_discard_ehlo_keyword_address_maps = inline:{ { 127.0.0.2 = pipelining, SIZE, xclient } }",
     [("EHLO a", "250-smtp.example.com\n250-PIPELINING\n250-SIZE 10240000\n250-VRFY\n250-ETRN\n250-XCLIENT "),
      (MAIL + " RET=HDRS", "501 5.7.1 DSN support is disabled"),
      ("XCLIENT ADDR=127.0.0.2", "220 "), (MAIL + " RET=HDRS", "250 "),
      ("EHLO a", "250-smtp.example.com\n250-VRFY\n250-ETRN\n250-ENHANCEDSTATUSCODES\n250-8BITMIME\n250-DSN\n250-SMTPUTF8\n"
       "250 CHUNKING")],
     ["smtpd[*]: discarding EHLO keywords: DSN$", "smtpd[*]: discarding EHLO keywords: PIPELINING SIZE XCLIENT$"]),
    ("smtpd_discard_ehlo_keywords = smtputf8 chunking silent-discard",
     [("EHLO a", "250-smtp.example.com\n250-PIPELINING\n250-SIZE 10240000\n250-VRFY\n250-ETRN\n250-ENHANCEDSTATUSCODES\n"
       "250-8BITMIME\n250 DSN"), (MAIL + " SMTPUTF8", "555 5.5.4 Unsupported option: SMTPUTF8")], []),
    ("smtpd_command_filter = pcre:{{/^EHLO (.*)/ EHLO x$$1}}", [("EHLO a", "250-"), ("QUIT", "221 ")],
     [f'smtpd[*]: {NAME}: replacing command "EHLO a" with "EHLO xa"']),
    ("smtpd_noop_commands = EHLO, foo, QUIT",
     [("EHLO a", "250 2.0.0 Ok"), ("Foo bar", "250 2.0.0 Ok"), ("QUIT", "250 2.0.0 Ok")],
     [f"smtpd[*]: lost connection after CONNECT from {NAME}", f"smtpd[*]: disconnect from {NAME} commands=0/0"]),
    ("local_header_rewrite_clients = inline:{localhost=x, 127.0.0=x}", [("EHLO a", "250-"), (MAIL, "250 ")], []),
    ("smtpd_sender_login_maps = inline:{a@elsewhere.example=x}\nsmtpd_sender_restrictions = reject_sender_login_mismatch, "
     "check_sasl_access fail:x, reject_known_sender_login_mismatch",
     [("EHLO a", "250-"), (MAIL, "250 "), (RCPT, "250 ")],
     [NO_LOGINS % "reject_authenticated_sender_login_mismatch", NO_LOGINS % "reject_unauthenticated_sender_login_mismatch",
      NO_LOGINS % "check_sasl_access", NO_LOGINS % "reject_known_sender_login_mismatch"]),
    ("local_recipient_maps = inline:{x=y}\nsender_canonical_maps = inline:{a@smtp.example.com=x@smtp.example.com}\n"
     "smtpd_reject_unlisted_sender = yes",
     [("EHLO a", "250-"), ("MAIL FROM:<a@smtp.example.com>", "250 "), ("RCPT TO:<x@smtp.example.com>", "250 "), ("RSET", "250 "),
      ("MAIL FROM:<b@smtp.example.com>", "250 "),
      ("RCPT TO:<x@smtp.example.com>",
       "550 5.1.0 <b@smtp.example.com>: Sender address rejected: User unknown in local recipient table")], []),
]


def _configure(world, settings):
    with open(f"{ROOT}/Documentation/example/master.cf") as file:
        world.mx.write("/etc/postfix/master.cf", file.read())
    world.mx.write("/etc/mailname", "smtp.example.com\n")
    names = {line.split(" = ")[0] for line in settings.splitlines()}
    base = "".join(line for line in (MAIN + "alias_maps =\n").splitlines(True) if line.split(" ")[0] not in names)
    world.mx.write("/etc/postfix/main.cf", base + settings + "\n")


def _dialogue(world, commands):
    client = Client(world.mx, "127.0.0.1")
    for command, start in commands:
        answer = client.command(command)
        assert answer.startswith(start), f"{command!r}: wanted {start!r}, got {answer!r}"
    client.close()


def _pattern(line):
    """A regular expression for a line of the log: `[*]` is a process id, `[0-9A-F]*` a queue id, a name is one already."""
    kept = {"[*]": r"\[\d+\]", "[0-9A-F]*": "[0-9A-F]+", NAME: NAME}
    parts = re.split("(" + "|".join(re.escape(part) for part in kept) + ")", line.removesuffix("$"))
    return "postfix/" + "".join(kept.get(part) or re.escape(part) for part in parts) + ("$" if line.endswith("$") else "")


def _check(world, cases):
    for settings, commands, lines in cases:
        if world.mta.running():
            world.mta.stop()
        _configure(world, settings)
        mark = len(world.mta.log())
        world.mta.start()
        _dialogue(world, commands)
        for line in set(lines):
            wait_for(lambda: len(re.findall(_pattern(line), world.mta.log()[mark:], re.M)) >= lines.count(line),
                     lambda: f"{settings}: {line}; the log:\n{world.mta.log()[mark:]}")
    world.mta.stop()


def scenario_tables_that_fail(world):
    _check(world, FAILING)


def scenario_tables_that_decide(world):
    _check(world, WORKING)
