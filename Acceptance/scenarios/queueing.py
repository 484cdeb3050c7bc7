"""What smtpd and sendmail leave in the queue beside Debian's Postfix, record by record."""

import time

from lab.dialogues import parse, play
from lab.queue_dump import empty_queues, queue_files
from lab.twin_files import WORLD as BASE, mutate as base, prepare as basic
from lab.twins import Twins, difference, normal

START = False


def _mutate(name, text):
    text = base(name, text)
    if name == "main.cf":
        replaced = ("mynetworks", "local_recipient_maps", "relay_domains", "virtual_alias_maps")
        text = "".join(line + "\n" for line in text.splitlines() if not line.startswith(replaced)) + """
mynetworks = 127.0.0.0/8, 198.51.100.0/24
defer_transports = smtp relay local virtual lmtp discard tester error retry
sender_bcc_maps = inline:{ {watched@example.net=watcher@home.example} }
recipient_bcc_maps = inline:{ {other@home.example=archive+$user@vmail.example} }
canonical_maps = inline:{ {old@home.example=new@home.example} {root@smtp.example.com=admin@home.example} }
sender_canonical_maps = inline:{ {from@home.example=sent@home.example} }
recipient_canonical_maps = inline:{ {to@home.example=got@home.example} }
masquerade_domains = masked.example
masquerade_exceptions = root
always_add_missing_headers = no
local_recipient_maps =
relay_domains =
virtual_alias_maps = regexp:/etc/postfix/aliases.regexp
"""
    return text


WORLD = dict(BASE, mutate=_mutate, dovecot=False)

SUBMITTED = r"""
From: someone@home.example
To: one@away.example
Subject: hello

Body.
"""


def _prepare(side):
    basic(side)
    side.mx.write("/etc/postfix/aliases.regexp", "/^expand@alias\\.example$/ a@home.example, b@away.example, a@home.example\n"
                  "/^nest@alias\\.example$/ expand@alias.example\n/^self@alias\\.example$/ self@alias.example, x@away.example\n")


DIALOGUES = parse(r"""
== plain
@hello
@mail someone@example.net someone@home.example
@message plain
QUIT
== HELO and two recipients
HELO out.example.net
@mail someone@example.net someone@home.example
RCPT TO:<x@alias.example>
RCPT TO:<someone@home.example>
RCPT TO:<Someone@HOME.example>
@message two
QUIT
== DSN
@hello
MAIL FROM:<someone@example.net> RET=HDRS ENVID=abc+2Bd BODY=8BITMIME
RCPT TO:<someone@home.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;orig+2Baddress@example.net
RCPT TO:<other+ext@home.example> NOTIFY=NEVER
@message dsn
QUIT
== null sender
@hello
MAIL FROM:<> RET=FULL BODY=7BIT
RCPT TO:<someone@home.example>
@message null
QUIT
== expansion
@hello
@mail watched@example.net expand@alias.example
RCPT TO:<nest@alias.example> NOTIFY=SUCCESS
RCPT TO:<self@alias.example> NOTIFY=FAILURE ORCPT=rfc822;self@alias.example
@message expansion
QUIT
== canonical and masquerade
@hello
@mail from@home.example to@home.example
RCPT TO:<old@home.example>
RCPT TO:<user@host.masked.example>
DATA
@raw From: root@smtp.example.com, <old@home.example>\r\nTo: to@home.example (comment)\r\nCc: user@host.masked.example\r\nSubject: canonical\r\nBcc: secret@home.example\r\nReturn-Path: <x@y.example>\r\n\r\nbody\r\n.\r\n
@read
QUIT
== no headers
@hello
@mail someone@example.net someone@home.example
DATA
@raw a body\r\n..with dots\r\n\r\n.\r\n
@read
QUIT
== eight bits
@hello
MAIL FROM:<someone@example.net> BODY=8BITMIME
RCPT TO:<someone@home.example>
DATA
@raw Subject: \xc3\xbc\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n.\r\n
@read
QUIT
== SMTPUTF8
@hello
@raw MAIL FROM:<s\xc3\xbc@example.net> SMTPUTF8\r\n
@read
@raw RCPT TO:<\xc3\xa4@away.example> ORCPT=utf-8;\\x{E4}@away.example\r\n
@read
@message utf8
QUIT
== long line
@hello
@mail someone@example.net someone@home.example
DATA
@raw Subject: long\r\n\r\n
@long 5000
@raw .\r\n
@read
QUIT
== long header
@hello
@mail someone@example.net someone@home.example
DATA
@raw X-Long: x\r\n
@folded 100
@raw Subject: after\r\n\r\nbody\r\n.\r\n
@read
QUIT
== TLS
@hello
STARTTLS
@tls
@hello
@mail someone@example.net someone@home.example
@message tls
QUIT
== TLS with HELO
@hello
STARTTLS
@tls
HELO out.example.net
@mail someone@example.net someone@home.example
@message tls
QUIT
== without a client name
@from NAMELESS
EHLO [198.51.100.66]
@mail someone@example.net someone@home.example
@message nameless
QUIT
== actions
@port 2511
@hello
@mail someone@example.net filter@home.example
RCPT TO:<prepend@home.example>
RCPT TO:<bcc@home.example>
@message actions
QUIT
== held
@port 2511
@hello
@mail someone@example.net hold@home.example
@message held
QUIT
== redirected
@port 2511
@hello
@mail someone@example.net redirect@home.example
@message redirected
QUIT
== chunks
@hello
@mail someone@example.net someone@home.example
@raw BDAT 16\r\nSubject: chunk\r\n
@read
@raw BDAT 9 LAST\r\n\r\nno end
@read
QUIT
== odd text
@hello
@mail someone@example.net someone@home.example
DATA
@raw From someone Thu Jan  1 00:00:00 2026\r\nSubject : spaced\r\nX-Nul: a\x00b\r\nX-CR: a\rb\r\n folded\r\nnot a header\r\n\r\nbody \x00 \r.\r\n.\r\n
@read
QUIT
== addresses
@hello
MAIL FROM:<"some one"@example.net>
RCPT TO:<someone>
RCPT TO:<"quoted local"@away.example>
RCPT TO:<user%away.example@home.example>
RCPT TO:<away.example!user>
RCPT TO:<@a,@b:routed@away.example>
RCPT TO:<x@[192.0.2.1]>
RCPT TO:<dot.@away.example>
DATA
@raw From: Some One <one>\r\nTo: "A, B" <a@b>, group: c, d@e.example;\r\nCc: x!y, a%b@home.example, "quoted local"@away.example\r\nReply-To: <@r:a@b.example>\r\nSender: (comment) a@b (more)\r\nSubject: addresses\r\n\r\n.\r\n
@read
QUIT
""")

# Arguments, user, input.
COMMANDS = [
    (["one@away.example"], None, SUBMITTED),
    (["-f", "sender@example.net", "one@away.example", "two@away.example"], None, SUBMITTED),
    (["-fsender@example.net", "-F", "Full Name", "one@away.example"], None, "no header\n"),
    (["-r", "sender@example.net", "one@away.example"], None, SUBMITTED),
    (["-t"], None, "From: me\nTo: one@away.example, Two <two@away.example>\nCc: three@away.example\nBcc: four@away.example\n\nBody\n"),
    (["-t", "two@away.example"], None, "To: one@away.example, two@away.example\n\nBody\n"),
    (["-t"], None, "Subject: nobody\n\nBody\n"),
    (["-t", "-f", "sender@example.net"], None, "Resent-To: r@away.example\nTo: one@away.example\n\nBody\n"),
    (["-i", "one@away.example"], None, "Subject: dot\n\nfirst\n.\nsecond\n"),
    (["-oi", "one@away.example"], None, "Subject: dot\n\nfirst\n.\nsecond\n"),
    (["one@away.example"], None, "Subject: dot\n\nfirst\n.\nsecond\n"),
    (["-N", "success,delay", "one@away.example"], None, SUBMITTED),
    (["-N", "never", "one@away.example"], None, SUBMITTED),
    (["-N", "sometimes", "one@away.example"], None, SUBMITTED),
    (["-V", "envelope+id", "-R", "hdrs", "one@away.example"], None, SUBMITTED),
    (["-R", "full", "one@away.example"], None, SUBMITTED),
    (["-R", "some", "one@away.example"], None, SUBMITTED),
    (["-B", "8BITMIME", "one@away.example"], None, SUBMITTED),
    (["-B", "7BIT", "one@away.example"], None, SUBMITTED),
    (["-B", "OTHER", "one@away.example"], None, SUBMITTED),
    (["-XV", "-f", "list@home.example", "one@away.example"], None, SUBMITTED),
    (["-O", "SuperSafe=yes", "-oem", "-om", "-m", "-n", "-oA/tmp/x", "-h", "3", "-v", "one@away.example"], None, SUBMITTED),
    (["-G", "one@away.example"], None, SUBMITTED),
    (["-U", "one@away.example"], None, SUBMITTED),
    (["-bm", "one@away.example"], None, SUBMITTED),
    (["-f", "", "one@away.example"], None, SUBMITTED),
    (["-f", "<>", "one@away.example"], None, SUBMITTED),
    (["-f", "bare", "one"], None, SUBMITTED),
    (["one@away.example"], "someone", SUBMITTED),
    (["-f", "other@home.example", "one@away.example"], "someone", SUBMITTED),
    (["expand@alias.example"], "someone", SUBMITTED),
    (["one@away.example"], "someone", "Subject: no end"),
    (["one@away.example"], "someone", ""),
    (["one@away.example"], "someone", "From nobody Thu Jan  1 00:00:00 2026\nSubject: mailbox\n\nFrom here\n"),
    (["one@away.example"], "someone", "Subject: crlf\r\n\r\nbody\r\n"),
    (["one@away.example"], "someone", "Subject: long\n\n" + "y" * 5000 + "\n"),
    (["one@away.example"], "someone", "Subject: large\n\n" + ("y" * 70 + "\n") * 300),
    (["-v", "-x"], None, SUBMITTED),
    ([], None, SUBMITTED),
    (["a@b, c@away.example", "Name <d@away.example>"], None, SUBMITTED),
    (["-qZ"], None, ""),
    (["-q5m"], None, ""),
    (["-bz"], None, ""),
    (["-I", "/etc/aliases"], None, ""),
    (["-bi"], None, ""),
    (["-bp"], None, ""),
    (["-q"], None, ""),
    (["-qRaway.example"], None, ""),
    (["-qSx"], None, ""),
    (["-Am", "one@away.example"], None, SUBMITTED),
    (["-C", "/etc/postfix", "one@away.example"], None, SUBMITTED),
    (["-L", "label", "one@away.example"], None, SUBMITTED),
    (["-p", "smtp", "one@away.example"], None, SUBMITTED),
]


def _settled(twins, count, seconds=30):
    """Waits until both queues hold the same, and more than `count` files."""
    deadline = time.monotonic() + seconds
    while True:
        apus, postfix = queue_files(twins.apus), queue_files(twins.postfix)
        if apus == postfix and len(apus) >= count:
            return None
        if time.monotonic() > deadline:
            return difference([line for file in apus for line in file], [line for file in postfix for line in file])
        time.sleep(0.1)


def scenario_received_files(world):
    twins = Twins.of(world, _prepare, **WORLD)
    wrong = []
    for name, steps in DIALOGUES:
        apus, postfix = twins.both(lambda side: play(side, steps))
        if [normal(reply) for reply in apus] != [normal(reply) for reply in postfix]:
            wrong.append(f"== {name}: replies\n{difference(apus, postfix)}")
        if unlike := _settled(twins, 1):
            wrong.append(f"== {name}: files\n{unlike}")
        twins.both(empty_queues)
    assert not wrong, f"{len(wrong)} of {len(DIALOGUES)} differ:\n" + "\n".join(wrong)


def scenario_submitted_files(world):
    twins = Twins.of(world, _prepare, **WORLD)
    wrong = []
    for arguments, user, text in COMMANDS:
        def run(side):
            done = side.mx.run("sendmail", *arguments, check=False, input=text, user=user)
            # Postfix's programs find a message too large one after the other.
            lines = [line for line in done.stdout.splitlines() if "File too large" not in line and "mail_stream_cleanup" not in line]
            return [str(done.returncode)] + [normal(line) for line in lines]
        apus, postfix = twins.both(run)
        title = " ".join(repr(word) for word in arguments) + f" as {user or 'root'}"
        if apus != postfix:
            wrong.append(f"== {title}: output\n{difference(apus, postfix)}")
        if unlike := _settled(twins, 0):
            wrong.append(f"== {title}: files\n{unlike}")
        twins.both(empty_queues)
    assert not wrong, f"{len(wrong)} of {len(COMMANDS)} differ:\n" + "\n".join(wrong)


for _scenario in (scenario_received_files, scenario_submitted_files):
    _scenario.only_for = ("apus",)
