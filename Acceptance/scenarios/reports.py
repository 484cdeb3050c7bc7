"""Notifications (bounces, delay warnings, success reports) beside Debian's Postfix, as the outside world gets them."""

import re
import time

from lab import peers
from lab.dialogues import parse, play
from lab.twin_files import WORLD as BASE, mutate as base, prepare
from lab.twins import Twins, difference, log_lines, normal

START = False


def _mutate(name, text):
    text = base(name, text)
    if name == "main.cf":
        replaced = ("notify_classes", "smtputf8_enable", "mynetworks")
        text = "".join(line + "\n" for line in text.splitlines() if not line.startswith(replaced))
        text += "\nmynetworks = 127.0.0.0/8, 198.51.100.0/24\ndelay_warning_time = 4s\nnotify_classes = bounce, 2bounce, delay, resource, software\nsmtputf8_enable = yes\n"
    return text


WORLD = dict(BASE, mutate=_mutate, dovecot=False)

DIALOGUES = parse(r"""
== refused recipient
@hello
@mail reporter@example.net refused@externaladdress.com
@message refused
QUIT
== refused content, many lines
@hello
@mail reporter@example.net content@externaladdress.com
@message content
QUIT
== headers only
@hello
MAIL FROM:<reporter@example.net> RET=HDRS ENVID=an+2Bid
RCPT TO:<refused@externaladdress.com> ORCPT=rfc822;first+2Brecipient@example.org NOTIFY=FAILURE
@message headers
QUIT
== never
@hello
MAIL FROM:<reporter@example.net>
RCPT TO:<refused@externaladdress.com> NOTIFY=NEVER
@message never
QUIT
== success by relay
@hello
MAIL FROM:<reporter@example.net> ENVID=relayed
RCPT TO:<taken@externaladdress.com> NOTIFY=SUCCESS,FAILURE,DELAY
@message relay
QUIT
== success at a server without DSN
@hello
MAIL FROM:<reporter@example.net> RET=FULL
RCPT TO:<plain@example.net> NOTIFY=SUCCESS
@message plain
QUIT
== success at home
@hello
MAIL FROM:<reporter@example.net> ENVID=home
RCPT TO:<someone@home.example> NOTIFY=SUCCESS ORCPT=rfc822;other@example.org
@message home
QUIT
== success through an alias
@hello
MAIL FROM:<reporter@example.net>
RCPT TO:<one@alias.example> NOTIFY=SUCCESS
RCPT TO:<two@alias.example> NOTIFY=SUCCESS,FAILURE
RCPT TO:<list@home.example> NOTIFY=SUCCESS
@message alias
QUIT
== several recipients
@hello
@mail reporter@example.net refused@externaladdress.com
RCPT TO:<x@error.example>
RCPT TO:<x@fail.example>
RCPT TO:<someone@home.example>
RCPT TO:<away@alias.example>
@message several
QUIT
== null sender
@hello
MAIL FROM:<>
RCPT TO:<refused@externaladdress.com>
@message null
QUIT
== sender that is refused
@hello
@mail refused@externaladdress.com x@fail.example
@message double
QUIT
== eight bits
@hello
MAIL FROM:<reporter@example.net> BODY=8BITMIME
RCPT TO:<refused@externaladdress.com>
DATA
@raw Subject: \xc3\xbc\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n.\r\n
@read
QUIT
== eight bits, headers only
@hello
MAIL FROM:<reporter@example.net> BODY=8BITMIME RET=HDRS
RCPT TO:<refused@externaladdress.com>
DATA
@raw Subject: \xc3\xbc\r\n\r\n\xc3\xbc\r\n.\r\n
@read
QUIT
== UTF-8 address
@hello
@raw MAIL FROM:<reporter@example.net> SMTPUTF8\r\n
@read
@raw RCPT TO:<refus\xc3\xa9@externaladdress.com> ORCPT=utf-8;refus\\x{E9}@externaladdress.com\r\n
@read
@message utf8
QUIT
== larger than bounce_size_limit
@hello
@mail reporter@example.net refused@externaladdress.com
DATA
@filler 60
@raw .\r\n
@read
QUIT
== without headers
@hello
@mail reporter@example.net refused@externaladdress.com
DATA
@raw only a body\r\n.\r\n
@read
QUIT
== odd addresses
@hello
MAIL FROM:<"re porter"@example.net>
RCPT TO:<"refused one"@externaladdress.com>
RCPT TO:<"a,b"@error.example>
@message odd
QUIT
""")

# Deferred, then run again after delay_warning_time, then expired by force.
DELAYED = parse(r"""
== delayed
@hello
MAIL FROM:<reporter@example.net> ENVID=later
RCPT TO:<later@externaladdress.com>
RCPT TO:<x@busy.example> NOTIFY=FAILURE
RCPT TO:<x@retry.example> NOTIFY=DELAY ORCPT=rfc822;z@example.org
RCPT TO:<x@refused.example> NOTIFY=NEVER
@message delayed
QUIT
""")


class _Away:
    """The server that refuses and defers."""

    def __init__(self):
        self.refuses = False

    def __call__(self, stage, argument):
        if stage == "RCPT":
            self.refuses = "content" in argument
            if "refus" in argument:
                return "550-5.1.1 no\n550 5.1.1 really not" if "one" in argument else "550 5.1.1 <refused>: no such user"
            if "later" in argument:
                return "451 4.2.0 later"
        if stage == "END" and self.refuses:
            return "554-5.7.1 line one\n554-5.7.1 line two\n554 5.7.1 <end> of it"
        return None


def _plain(stage, argument):
    return "250-out.example.net\n250-PIPELINING\n250 8BITMIME" if stage == "EHLO" else None


_VOLATILE = [
    (re.compile(r"^Message-Id: .*", re.M | re.I), "Message-Id: ID"),
    (re.compile(r"(?<=boundary=\")[^\"]*"), "BOUNDARY"),
    (re.compile(r"^--\S+?(--)?$", re.M), r"--BOUNDARY\1"),
    (re.compile(r"^(Arrival-Date|Date|Will-Retry-Until|Last-Attempt-Date): .*", re.M), r"\1: DATE"),
    (re.compile(r"; \w{3}, +\d+ \w{3} \d{4} [\d:]+ [-+]\d{4}( \(\w+\))?"), "; DATE"),
    (re.compile(r"\(delivery temporarily suspended"), "(suspended"),
]


def _reports(side):
    found = []
    for server in side.reporters:
        for message in server.messages:
            text = f"MAIL FROM:<{message.sender}> RCPT TO:{message.recipients}\n{message.content}"
            for pattern, replacement in _VOLATILE:
                text = pattern.sub(replacement, text)
            found.append([normal(line.rstrip("\r")) for line in text.split("\n")])
    return sorted(found)


def _start(twins):
    for side in (twins.apus, twins.postfix):
        side.reporters = [side.server(_Away()), side.server(_plain, address=peers.OUTSIDE, name="out.example.net")]


def _local_mail(side):
    """What the postmaster of the side got."""
    try:
        text = side.mx.read("/var/mail/someone")
    except FileNotFoundError:
        return []
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return [re.sub(r"^(From \S+) .*", r"\1", normal(line)) for line in text.split("\n")]


def _unlike(twins, look, count, seconds):
    deadline = time.monotonic() + seconds
    while True:
        apus, postfix = look(twins.apus), look(twins.postfix)
        if apus == postfix and len(apus) >= count:
            return None
        if time.monotonic() > deadline:
            flat = [[line for part in side for line in (part if isinstance(part, list) else [part])] for side in (apus, postfix)]
            return difference(*flat)
        time.sleep(0.1)


def _compare(twins, name, action, wrong):
    before = {side: len(side.mta.log()) for side in (twins.apus, twins.postfix)}
    apus, postfix = [[normal(reply) for reply in replies or [] if isinstance(reply, str)] for replies in twins.both(action)]
    if apus != postfix:
        wrong.append(f"== {name}: replies\n{difference(apus, postfix)}")
    twins.both(lambda side: side.mta.wait_quiet(15))
    time.sleep(0.3)
    twins.both(lambda side: side.mta.wait_quiet(15))
    for what, look in (("outside", _reports), ("postmaster", _local_mail), ("log", lambda side: log_lines(side, before[side]))):
        # Postfix begins a notification before it finds that nobody wants it.
        # An expired message gets another try first: known, and open.
        if name in ("never", "expired") and what == "log":
            continue
        if unlike := _unlike(twins, look, 0, 3):
            wrong.append(f"== {name}: {what}\n{unlike}")
    for side in (twins.apus, twins.postfix):
        for server in side.reporters:
            server.messages.clear()
        side.mx.run("rm", "-f", "/var/mail/someone", "/var/mail/other")


def scenario_reports(world):
    twins = Twins.of(world, prepare, **WORLD)
    _start(twins)
    wrong = []
    for name, steps in DIALOGUES:
        _compare(twins, name, lambda side, steps=steps: play(side, steps), wrong)
    twins.both(lambda side: side.mx.run("postsuper", "-d", "ALL"))
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong)


def scenario_delay_and_expiry(world):
    twins = Twins.of(world, prepare, **WORLD)
    _start(twins)
    wrong = []
    _compare(twins, "deferred", lambda side: play(side, DELAYED[0][1]), wrong)
    time.sleep(4.5)
    _compare(twins, "flushed", lambda side: [side.mx.run("postqueue", "-f").stdout], wrong)
    _compare(twins, "flushed again", lambda side: [side.mx.run("postqueue", "-f").stdout], wrong)
    _compare(twins, "expired", lambda side: [side.mx.run("postsuper", "-e", "ALL").stdout, side.mx.run("postqueue", "-f").stdout], wrong)
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong)


for _scenario in (scenario_reports, scenario_delay_and_expiry):
    _scenario.only_for = ("apus",)
