"""Replies and log lines of the SMTP server beside Debian's Postfix, dialogue by dialogue."""

import time

from lab.dialogues import parse, play
from lab.smtp import wait_for
from lab.twin_files import WORLD, prepare
from lab.twins import Twins, difference, log_lines, normal

START = False

CONNECTION = parse(r"""
== connects and leaves
@nothing
== greets and leaves
@hello
QUIT
== hangs up after EHLO
@hello
@drop
== hangs up after MAIL
@hello
MAIL FROM:<someone@example.net>
@drop
== hangs up after RCPT
@hello
@mail someone@example.net someone@home.example
@drop
== hangs up after a refused RCPT
@hello
@mail someone@example.net nosuch@home.example
@drop
== hangs up in the content
@hello
@mail someone@example.net someone@home.example
DATA
@raw Subject: cut\r\n\r\nhalf a line
@drop
== hangs up after DATA
@hello
@mail someone@example.net someone@home.example
DATA
@drop
== hangs up in AUTH
@port 2526
@hello
AUTH LOGIN
@drop
== hangs up in a chunk
@hello
@mail someone@example.net someone@home.example
@raw BDAT 100 LAST\r\nten bytes
@drop
== hangs up after STARTTLS
@hello
STARTTLS
@drop
== hangs up after RSET
@hello
RSET
@drop
== hangs up after an unknown command
@hello
FOO
@drop
== times out at once
@port 2502
@hello
@read eof
== times out after MAIL
@port 2502
@hello
MAIL FROM:<someone@example.net>
@read eof
== times out in the content
@port 2502
@hello
@mail someone@example.net someone@home.example
DATA
@raw Subject: slow\r\n\r\nhalf a line
@read eof
== times out in AUTH
@port 2502
@hello
AUTH PLAIN
@read eof
== nonsense instead of TLS
@hello
STARTTLS
@raw nonsense\r\n\r\nnonsense\r\n
@read eof
== nonsense on the TLS port
@port 2504
@quiet
@raw EHLO x\r\nnonsense nonsense\r\n
@read eof
== TLS and a message
@hello
STARTTLS
@tls
@hello
@mail someone@example.net someone@home.example
@message over-tls
QUIT
== TLS from the start
@port 2504
@tls
@read
@hello
QUIT
== TLS twice
@hello
STARTTLS
@tls
@hello
STARTTLS
QUIT
== speaks before the greeting ends
@hello
STARTTLS now
QUIT
== STARTTLS where there is none
@port 2501
@hello
STARTTLS
QUIT
== needs TLS first
@port 2505
@hello
MAIL FROM:<someone@example.net>
RCPT TO:<someone@home.example>
VRFY someone
AUTH PLAIN AAA=
NOOP
QUIT
== no AUTH before TLS, then with it
@port 2505
@hello
STARTTLS
@tls
@hello
AUTH PLAIN AGZvb0BleGFtcGxlLmNvbQBwYXNzZm9v
QUIT
== many errors
@port 2503
@hello
FOO
BAR
MAIL
BAZ
QUUX
== many no-operations
@port 2503
@hello
NOOP
RSET
NOOP
NOOP
NOOP
VRFY someone
NOOP
== an HTTP client
@raw GET / HTTP/1.0\r\n
@read eof
== speaks too early
@raw EHLO x\r\nMAIL FROM:<someone@example.net>\r\nRCPT TO:<someone@home.example>\r\n
@read
@read
@read
QUIT
""")

SYNTAX = parse(r"""
== without a greeting
MAIL FROM:<someone@example.net>
RCPT TO:<someone@home.example>
@message no-helo
QUIT
== HELO
HELO out.example.net
@mail someone@example.net someone@home.example
@message helo
QUIT
== words in the wrong order
@hello
RCPT TO:<someone@home.example>
DATA
MAIL FROM:<someone@example.net>
MAIL FROM:<someone@example.net>
DATA
BDAT 1 LAST
HELO
EHLO
QUIT now
== bad addresses
@hello
MAIL FROM:someone@example.net
RSET
MAIL FROM: <someone@example.net>
RSET
MAIL FROM:<someone @example.net>
MAIL FROM:<@a,@b:someone@example.net>
RSET
MAIL FROM:<"some one"@example.net>
RSET
MAIL FROM:<<someone@example.net>>
MAIL FROM:<>
RCPT TO:<>
RCPT TO:<someone@>
RCPT TO:<a@b@home.example>
RCPT TO:<someone%home.example@home.example>
RCPT TO:<someone!home.example>
RCPT TO:<someone>
RCPT TO:<"someone"@home.example>
RCPT TO:<someone@[192.0.2.1]>
RCPT TO:<someone@[192.0.2.9]>
RCPT TO:<postmaster>
RCPT TO:<|/bin/sh@home.example>
RCPT TO:<-option@home.example>
RCPT TO:someone@home.example trailing
QUIT
== options of MAIL and RCPT
@hello
MAIL FROM:<someone@example.net> SIZE=100
RSET
MAIL FROM:<someone@example.net> SIZE=100000
RSET
MAIL FROM:<someone@example.net> SIZE=abc
MAIL FROM:<someone@example.net> BODY=8BITMIME
RSET
MAIL FROM:<someone@example.net> BODY=BINARYMIME
MAIL FROM:<someone@example.net> RET=FULL ENVID=abc+2Bd
RSET
MAIL FROM:<someone@example.net> RET=NONE
MAIL FROM:<someone@example.net> ENVID=a+b
MAIL FROM:<someone@example.net> AUTH=<>
MAIL FROM:<someone@example.net> FOO=BAR
MAIL FROM:<someone@example.net> SMTPUTF8
RCPT TO:<someone@home.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;other@home.example
RCPT TO:<someone@home.example> NOTIFY=NEVER,DELAY
RCPT TO:<someone@home.example> NOTIFY=SOMETIMES
RCPT TO:<someone@home.example> ORCPT=nothing
RCPT TO:<someone@home.example> FOO=BAR
QUIT
== other commands
@hello
VRFY someone
VRFY someone@home.example
VRFY nosuch@home.example
VRFY someone@elsewhere.example
VRFY
VRFY <someone@home.example>
EXPN list
HELP
NOOP with words
RSET with words
ETRN
ETRN home.example
ETRN example.net
ETRN #home
ETRN -bad-
XCLIENT NAME=x
XFORWARD NAME=x
AUTH PLAIN
QUIT
== without some extensions
@port 2518
@hello
VRFY someone
MAIL FROM:<someone@example.net> RET=FULL
MAIL FROM:<someone@example.net>
RCPT TO:<nosuch@home.example>
BDAT 3
QUIT
== long command line
@hello
NOOP xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
QUIT
== too many recipients
@port 2517
@hello
MAIL FROM:<someone@example.net>
RCPT TO:<someone@home.example>
RCPT TO:<other@home.example>
RCPT TO:<someone@home.example>
RCPT TO:<someone@home.example>
RCPT TO:<someone@home.example>
@message too-many
QUIT
== chunks
@hello
@mail someone@example.net someone@home.example
@raw BDAT 16\r\nSubject: chunk\r\n
@read
@raw BDAT 10 LAST\r\n\r\nbody..\r\n
@read
BDAT
BDAT x
BDAT 5 FIRST
QUIT
== chunk without a transaction
@hello
@raw BDAT 6 LAST\r\nabcd\r\n
@read
QUIT
== chunk that is too large
@hello
@mail someone@example.net someone@home.example
@raw BDAT 30000 LAST\r\n
@read
@drop
== message that is too large
@hello
@mail someone@example.net someone@home.example
DATA
@filler 300
@raw .\r\n
@read
QUIT
== bare newline refused
@port 2521
@hello
@mail someone@example.net someone@home.example
DATA
@raw Subject: bare\n\nbody\r\n.\r\n
@read eof
== bare newline made regular
@hello
@mail someone@example.net someone@home.example
DATA
@raw Subject: bare\n\nbody\n.\nmore\r\n.\r\n
@read
QUIT
== pipelined without leave
@raw EHLO out.example.net\r\nMAIL FROM:<someone@example.net>\r\n
@read
@read
@read
== pipelined with it
@hello
@raw MAIL FROM:<someone@example.net>\r\nRCPT TO:<someone@home.example>\r\nRCPT TO:<nosuch@home.example>\r\nDATA\r\n
@read
@read
@read
@read
@raw Subject: pipelined\r\n\r\nbody\r\n.\r\nQUIT\r\n
@read
@read
== message without header
@hello
@mail someone@example.net someone@home.example
DATA
@raw just a body\r\n.\r\n
@read
QUIT
== loop of Received
@hello
@mail someone@example.net someone@home.example
DATA
@received 60
@raw \r\n.\r\n
@read
QUIT
== header that is too long
@hello
@mail someone@example.net someone@home.example
DATA
@raw Subject: long\r\nX-Long: x\r\n
@folded 100
@raw \r\nbody\r\n.\r\n
@read
QUIT
== eight-bit envelope
@hello
MAIL FROM:<\xc3\xbc@example.net>
@raw MAIL FROM:<\xc3\xbc@example.net> SMTPUTF8\r\n
@read
@raw RCPT TO:<\xc3\xa4@home.example>\r\n
@read
@raw EHLO \xc3\xbc.example\r\n
@read
QUIT
""")

POLICY = parse(r"""
== relay denied
@hello
@mail someone@example.net someone@elsewhere.example
QUIT
== relay deferred
@port 2514
@hello
@mail someone@example.net someone@elsewhere.example
QUIT
== unknown local user
@hello
@mail someone@example.net nosuch@home.example
QUIT
== unknown relay user
@hello
@mail someone@example.net nobody@relay.example
QUIT
== unknown alias
@hello
@mail someone@example.net nobody@alias.example
QUIT
== unknown virtual mailbox
@hello
@mail someone@example.net nobody@vmail.example
QUIT
== unlisted sender
@port 2508
@hello
@mail nosuch@home.example someone@home.example
QUIT
== non-fqdn sender
@port 2508
@hello
@mail someone@short someone@home.example
QUIT
== unknown sender domain
@port 2508
@hello
@mail someone@nowhere.invalid someone@home.example
QUIT
== null-mx sender
@port 2508
@hello
@mail someone@nomail.example someone@home.example
QUIT
== non-fqdn recipient
@port 2509
@hello
@mail someone@example.net someone@short
QUIT
== unknown recipient domain
@port 2509
@hello
@mail someone@example.net someone@nowhere.invalid
QUIT
== null-mx recipient
@port 2509
@hello
@mail someone@example.net someone@nomail.example
QUIT
== recipient domain that cannot be resolved
@port 2509
@hello
@mail someone@example.net someone@servfail.example
QUIT
== client without a name
@port 2506
@from NAMELESS
@hello
@mail someone@example.net someone@home.example
QUIT
== no HELO
@port 2507
@mail someone@example.net someone@home.example
QUIT
== invalid HELO
@port 2507
HELO not_valid..
@mail someone@example.net someone@home.example
QUIT
== non-fqdn HELO
@port 2507
HELO short
@mail someone@example.net someone@home.example
QUIT
== unknown HELO
@port 2507
HELO unknown.invalid
@mail someone@example.net someone@home.example
QUIT
== address literal as HELO
@port 2507
HELO [198.51.100.10]
@mail someone@example.net someone@home.example
QUIT
== client refused at once
@port 2510
@from NAMELESS
@hello
@mail someone@example.net someone@home.example
QUIT
== helo refused at once
@port 2510
EHLO bad.example.net
@mail someone@example.net someone@home.example
QUIT
== sender refused at once
@port 2510
@hello
@mail r@sender.example someone@home.example
@mail d@sender.example someone@home.example
RSET
@mail f@sender.example someone@home.example
@mail p@sender.example someone@home.example
QUIT
== sender closes the session
@port 2510
@hello
@mail c@sender.example someone@home.example
QUIT
== sender makes us hang up
@port 2510
@hello
MAIL FROM:<e@sender.example>
@read eof
== actions for recipients
@port 2511
@hello
MAIL FROM:<someone@example.net>
RCPT TO:<reject@home.example>
RCPT TO:<rejectt@home.example>
RCPT TO:<defer@home.example>
RCPT TO:<deferp@home.example>
RCPT TO:<deferr@home.example>
RCPT TO:<code@home.example>
RCPT TO:<code4@home.example>
RCPT TO:<digits@home.example>
RCPT TO:<permit@home.example>
RCPT TO:<ok@home.example>
RCPT TO:<dunno@home.example>
RCPT TO:<bad@home.example>
QUIT
== action hold
@port 2511
@hello
@mail someone@example.net hold@home.example
RCPT TO:<someone@home.example>
@message hold
QUIT
== action discard
@port 2511
@hello
@mail someone@example.net discard@home.example
RCPT TO:<someone@home.example>
@message discard
QUIT
== action filter
@port 2511
@hello
@mail someone@example.net filter@home.example
RCPT TO:<someone@home.example>
@message filter
QUIT
== action redirect
@port 2511
@hello
@mail someone@example.net redirect@home.example
RCPT TO:<other@home.example>
@message redirect
QUIT
== action prepend
@port 2511
@hello
@mail someone@example.net prepend@home.example
RCPT TO:<someone@home.example>
@message prepend
QUIT
== actions warn, info and bcc
@port 2511
@hello
@mail someone@example.net warn@home.example
RCPT TO:<info@home.example>
RCPT TO:<bcc@home.example>
RCPT TO:<someone@home.example>
@message warn
QUIT
== action that hangs up
@port 2511
@hello
@mail someone@example.net hangup@home.example
QUIT
== defer_if_permit
@port 2525
@hello
@mail someone@example.net someone@home.example
RCPT TO:<someone@elsewhere.example>
QUIT
== refused at DATA
@port 2512
@hello
@mail r@sender.example someone@home.example
DATA
@mail f@sender.example someone@home.example
DATA
MAIL FROM:<>
RCPT TO:<someone@home.example>
RCPT TO:<other@home.example>
DATA
QUIT
== refused at the end of data
@port 2513
@hello
@mail r@sender.example someone@home.example
@message end
RSET
@mail f@sender.example someone@home.example
@message end
RSET
@mail d@sender.example someone@home.example
@message end
RSET
@mail h@sender.example someone@home.example
@message end
RSET
@mail p@sender.example someone@home.example
@message end
QUIT
== block list
@port 2515
@from RBL_LISTED
@hello
@mail someone@example.net someone@home.example
QUIT
== ETRN and clients refused
@port 2516
@hello
ETRN example.net
@mail someone@example.net someone@home.example
QUIT
== warn_if_reject
@port 2519
@hello
@mail someone@example.net someone@nowhere.invalid
RCPT TO:<someone@home.example>
QUIT
== soft bounce
@port 2520
@hello
@mail someone@example.net nosuch@home.example
RCPT TO:<someone@elsewhere.example>
QUIT
== strict envelopes
@port 2522
@hello
MAIL FROM: <someone@example.net>
MAIL FROM:someone@example.net
MAIL FROM:<Some One <someone@example.net>>
MAIL FROM:<nosuch@home.example>
RCPT TO:<someone@home.example>
RCPT TO:<nosuch@home.example>
QUIT
== a table that is missing
@port 2524
@hello
@mail someone@example.net someone@home.example
QUIT
== restriction classes
@port 2528
@hello
@mail someone@nowhere.invalid strict@home.example
RCPT TO:<lax@home.example>
QUIT
== sender login mismatch
@port 2501
@hello
@mail foo@example.com someone@home.example
AUTH PLAIN AGZvb0BleGFtcGxlLmNvbQBwYXNzZm9v
@mail foo@example.com someone@home.example
RSET
@mail other@example.com someone@home.example
RSET
@mail free@example.com someone@home.example
QUIT
== authentication
@port 2526
@hello
AUTH
AUTH FOO
AUTH PLAIN !!!
AUTH PLAIN AGZvb0BleGFtcGxlLmNvbQB3cm9uZw==
AUTH LOGIN
Zm9vQGV4YW1wbGUuY29t
d3Jvbmc=
AUTH LOGIN
*
AUTH PLAIN =
AUTH PLAIN
AGZvb0BleGFtcGxlLmNvbQBwYXNzZm9v
AUTH PLAIN AGZvb0BleGFtcGxlLmNvbQBwYXNzZm9v
@mail someone@example.net known@relay.example
@message authenticated
MAIL FROM:<someone@example.net>
AUTH PLAIN AGZvb0BleGFtcGxlLmNvbQBwYXNzZm9v
QUIT
== several messages
@hello
@mail someone@example.net someone@home.example
@message first
@mail someone@example.net other@home.example
@message second
MAIL FROM:<>
RCPT TO:<someone@home.example>
RSET
QUIT
""")

DELIVERY = parse(r"""
== local
@hello
@mail someone@example.net someone+ext@home.example
@message local
QUIT
== alias to two
@hello
@mail someone@example.net list@home.example
@message list
QUIT
== virtual alias
@hello
@mail someone@example.net two@alias.example
@message two
QUIT
== alias loop
@hello
@mail someone@example.net loop@alias.example
@message loop
QUIT
== virtual mailbox
@hello
@mail someone@example.net box@vmail.example
RCPT TO:<dir@vmail.example>
@message virtual
QUIT
== discard
@hello
@mail someone@example.net known@relay.example
@message discard
QUIT
== away
@hello
@mail someone@example.net away@alias.example
@message away
QUIT
""")


def _quiet(twins):
    return not any(side.mta.queue_on_disk(name) for side in (twins.apus, twins.postfix) for name in ("incoming", "active"))


def _differences(twins, name, steps, patience):
    before = {side: len(side.mta.log()) for side in (twins.apus, twins.postfix)}
    apus, postfix = twins.both(lambda side: play(side, steps))
    apus, postfix = [[normal(reply) for reply in replies] for replies in (apus, postfix)]
    if apus != postfix:
        return f"== {name}: replies\n{difference(apus, postfix)}"
    deadline = time.monotonic() + patience
    while True:
        lines = [log_lines(side, before[side]) for side in (twins.apus, twins.postfix)]
        ended = all(any("disconnect from" in line for line in side) for side in lines)
        if lines[0] == lines[1] and ended and _quiet(twins):
            return None
        if time.monotonic() > deadline:
            return f"== {name}: log\n{difference(*lines)}"
        time.sleep(0.05)


def _compare(world, dialogues, patience=4):
    twins = Twins.of(world, prepare, **WORLD)
    wrong = []
    for name, steps in dialogues:
        found = _differences(twins, name, steps, patience)
        if found and found.startswith(f"== {name}: log\n"):
            # On a busy machine a delivery of the dialogue before may be told late.
            wait_for(lambda: _quiet(twins), "empty queues")
            time.sleep(1)
            found = _differences(twins, name, steps, patience)
        if found:
            wrong.append(found)
    assert not wrong, f"{len(wrong)} of {len(dialogues)} dialogues differ:\n" + "\n".join(wrong)


def scenario_connections(world):
    _compare(world, CONNECTION)


def scenario_syntax(world):
    _compare(world, SYNTAX)


def scenario_policy(world):
    _compare(world, POLICY)


def scenario_deliveries(world):
    _compare(world, DELIVERY)


for _scenario in (scenario_connections, scenario_syntax, scenario_policy, scenario_deliveries):
    _scenario.only_for = ("apus",)
