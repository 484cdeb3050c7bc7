"""pipe(8), local(8), virtual(8) and the simple agents beside Debian's Postfix: what each leaves, returns and logs."""

import os
import re
import time

from lab.dialogues import parse, play
from lab.twin_files import WORLD as BASE, mutate as base, prepare as basic
from lab.twins import Twins, difference, log_lines, normal

START = False

# A program that tells how it was called, and what it read.
RECORD = r"""#!/bin/sh
{
    for word in "$@"; do printf '%s\n' "argument <$word>"; done
    env | grep -E '^(SENDER|RECIPIENT|ORIGINAL_RECIPIENT|EXTENSION|USER|DOMAIN|LOCAL|CLIENT_|SASL_|HOME|LOGNAME|SHELL|PATH|MAIL_CONFIG|MAIL|TZ|LANG)' | sort
    printf 'ids %s %s umask %s directory %s\n' "$(id -u):$(id -g)" "$(id -G)" "$(umask)" "$(pwd)"
    cat -A
} > /tmp/out/record.$$
chmod 644 /tmp/out/record.$$
mv /tmp/out/record.$$ /tmp/out/done.$$
"""

FLAGS = ["", "B", "D", "F", "O", "R", "X", "h", "u", "hu", "q", ".", ">", "DRhu", "DROXFq.>", "BFq.>hu"]

MACROS = ("client=${client_address} name=${client_hostname} helo=${client_helo} port=${client_port} proto=${client_protocol}"
          " domain=${domain} ext=${extension} mailbox=${mailbox} next=${nexthop} orig=${original_recipient} id=q"
          " rcpt=${recipient} sasl=${sasl_method}/${sasl_sender}/${sasl_username} sender=${sender} size=${size} user=${user} $$ plain")

EXITS = {64: "usage", 65: "data", 66: "noinput", 67: "nouser", 68: "nohost", 69: "unavailable", 70: "software", 71: "oserr",
         72: "osfile", 73: "cantcreat", 74: "ioerr", 75: "tempfail", 76: "protocol", 77: "noperm", 78: "config", 1: "one", 99: "odd"}


def _services():
    lines = []
    for number, flags in enumerate(FLAGS):
        option = f"flags={flags}" if flags else ""
        lines.append(f"flags{number} unix - n n - - pipe {option} user=someone argv=/usr/local/bin/record ${{recipient}} ${{user}} ${{extension}}")
    lines.append(f"macros unix - n n - - pipe flags= user=someone:mail argv=/usr/local/bin/record {MACROS}")
    lines.append("null unix - n n - - pipe null_sender=NULL user=someone argv=/usr/local/bin/record ${sender}")
    lines.append("nullempty unix - n n - - pipe null_sender= user=someone argv=/usr/local/bin/record <${sender}>")
    lines.append("eol unix - n n - - pipe eol=\\r\\n user=someone argv=/usr/local/bin/record")
    lines.append("directory unix - n n - - pipe directory=/tmp user=someone argv=/usr/local/bin/record")
    lines.append("sizelimit unix - n n - - pipe size=100 user=someone argv=/usr/local/bin/record")
    lines.append("several unix - n n - - pipe user=someone argv=/usr/local/bin/record begin ${recipient} -u${user} end")
    lines.append("braces unix - n n - - pipe user=someone argv=/usr/local/bin/record { two words } {${user} ${domain}}")
    for code, name in EXITS.items():
        lines.append(f"exit{code} unix - n n - - pipe user=someone argv=/bin/sh -c {{ echo {name} told; echo second line; exit {code} }}")
    lines.append("silent unix - n n - - pipe user=someone argv=/bin/sh -c { exit 69 }")
    lines.append("status unix - n n - - pipe user=someone argv=/bin/sh -c { echo 5.2.2 full; exit 75 }")
    lines.append("okstatus unix - n n - - pipe user=someone argv=/bin/sh -c { echo 2.1.5 fine; exit 0 }")
    lines.append("deaf unix - n n - - pipe user=someone argv=/bin/true")
    lines.append("signal unix - n n - - pipe user=someone argv=/bin/sh -c { kill -TERM $$$$ }")
    lines.append("limited unix - n n - - pipe user=someone argv=/bin/sleep 100\n    -o limited_time_limit=1")
    return "\n".join(lines) + "\n"


def _names():
    return [line.split()[0] for line in _services().splitlines() if not line.startswith(" ")]


def _mutate(name, text):
    text = base(name, text)
    if name == "main.cf":
        text = "".join(line + "\n" for line in text.splitlines() if not line.startswith("mynetworks"))
        text += """
mynetworks = 127.0.0.0/8, 198.51.100.0/24
mailbox_size_limit = 4000
message_size_limit = 4000
virtual_mailbox_limit = 4000
allow_mail_to_commands = alias, forward, include
allow_mail_to_files = alias, forward, include
fallback_transport_maps = inline:{ {elsewhere=discard:elsewhere} }
mailbox_transport_maps = inline:{ {transported=discard:transported} }
mailbox_command_maps = inline:{ {commanded=/usr/local/bin/record command $EXTENSION} }
forward_path = $home/.forward${recipient_delimiter}${extension}, $home/.forward
luser_relay =
several_destination_recipient_limit = 10
"""
        text = "".join(line + "\n" for line in text.splitlines() if line != "message_size_limit = 20000")
    if name == "master.cf":
        text += _services()
    return text


WORLD = dict(BASE, mutate=_mutate, dovecot=False)

ALIASES = """
postmaster: root
root: someone
list: someone, other
owner-list: other
owned: broken@error.example, someone
owner-owned: someone
nested: list, someone
file: /tmp/out/file
quotedfile: "/tmp/out/file two"
command: |/usr/local/bin/record
quotedcommand: "|/usr/local/bin/record 'a b' $EXTENSION"
failing: "|exit 69"
deferring: "|exit 75"
including: :include:/etc/postfix/members
missinglist: :include:/etc/postfix/nothing
remote: friend@externaladdress.com
self: \\someone
null: /dev/null
directory: /tmp/
elsewhere2: someone+tag
"""

MEMBERS = """# members
someone, other
"|/usr/local/bin/record included"
/tmp/out/included
"""

FORWARDS = {
    "forwarding": "other\n", "copying": "\\copying, other\n", "piping": "\"|/usr/local/bin/record forwarded\"\n",
    "filing": "/tmp/out/forwarded\n", "looping": "looping@home.example\n", "emptying": "", "commenting": "# nothing\n",
    "away": "friend@externaladdress.com\n"}

USERS = list(FORWARDS) + ["commanded", "transported", "plain", "unwritable"]

LOCAL = ["someone", "someone+ext", "Someone", "plain", "nosuch", "list", "owned", "nested", "file", "quotedfile", "command",
         "command+ext", "quotedcommand+tag", "failing", "deferring", "including", "missinglist", "remote", "self", "null",
         "directory", "elsewhere2", "elsewhere", "commanded+x", "transported", "unwritable", "root", "postmaster", "daemon"] + [
             name + suffix for name in FORWARDS for suffix in ("", "+tag")]


def _prepare(side):
    basic(side)
    host = side.mx
    host.write("/usr/local/bin/record", RECORD, 0o755)
    transports = host.read("/etc/postfix/transport")
    host.write("/etc/postfix/transport", transports + "".join(f"{name}.pipe.example {name}:\n" for name in _names()))
    host.write("/etc/aliases", ALIASES)
    host.run("postalias", "/etc/aliases")
    host.write("/etc/postfix/members", MEMBERS)
    for user in USERS:
        host.run("useradd", "-m", user)
    for user, text in FORWARDS.items():
        host.write(f"/home/{user}/.forward", text)
        host.run("chown", user, f"/home/{user}/.forward")
    host.write("/home/piping/.forward+tag", "\"|/usr/local/bin/record tagged $EXTENSION $RECIPIENT $SENDER\"\n")
    host.run("chown", "piping", "/home/piping/.forward+tag")
    host.run("install", "-d", "/var/mail/unwritable")


_VOLATILE = [
    (re.compile(r"^Date: .*", re.M), "Date: DATE"),
    (re.compile(r"^(Message-Id: ).*", re.M), r"\1ID"),
    (re.compile(r"(boundary=\"|^--)[^\"\n]*ID[^\"\n]*", re.M), r"\1BOUNDARY"),
    (re.compile(r"^(From \S+) .*", re.M), r"\1"),
    (re.compile(r"\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}"), "DATE"),
    (re.compile(r"port=\d+"), "port=N"),
    (re.compile(r"TIME/|\d{10}/"), "TIME/"),
    (re.compile(r"(Arrival-Date|Last-Attempt-Date|Will-Retry-Until): .*"), r"\1: DATE"),
    (re.compile(r"size=\d+"), "size=N"),
]


def _clean(text):
    text = "\n".join(normal(line) for line in text.split("\n"))
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text.split("\n")


def _left(side):
    """Every file that deliveries made: `path mode owner`, then its lines."""
    found = []
    for top in ("/tmp/out", "/var/mail", "/home", "/var/vmail"):
        for directory, _, files in os.walk(side.mx.path(top)):
            for name in files:
                path = os.path.join(directory, name)
                inside = path[len(side.mx.root):]
                if name.startswith((".bash", ".profile", ".forward", "record.")):
                    continue
                status = os.stat(path)
                with open(path, errors="replace") as file:
                    lines = _clean(file.read())
                inside = re.sub(r"done\.\d+", "done", re.sub(r"/(new|cur|tmp)/.*", r"/\1/FILE", inside))
                found.append([f"{inside} {status.st_mode & 0o7777:o} {status.st_uid}:{status.st_gid}"] + lines)
    return sorted(found)


def _sweep(side):
    for top in ("/tmp/out", "/var/mail", "/home", "/var/vmail"):
        for directory, _, files in os.walk(side.mx.path(top)):
            for name in files:
                if not name.startswith((".bash", ".profile", ".forward")):
                    os.unlink(os.path.join(directory, name))
    side.mx.run("postsuper", "-d", "ALL")


def _compare(world, dialogues):
    twins = Twins.of(world, _prepare, **WORLD)
    for side in (twins.apus, twins.postfix):
        side.server()
    wrong = []
    for name, steps in dialogues:
        before = {side: len(side.mta.log()) for side in (twins.apus, twins.postfix)}
        twins.both(lambda side: play(side, steps))
        twins.both(lambda side: side.mta.wait_quiet(15))
        deadline = time.monotonic() + 2.5
        while True:
            left = [_left(side) for side in (twins.apus, twins.postfix)]
            lines = [log_lines(side, before[side]) for side in (twins.apus, twins.postfix)]
            if left[0] == left[1] and lines[0] == lines[1]:
                break
            if time.monotonic() > deadline:
                flat = [[line for file in side for line in file] for side in left]
                wrong.append(f"== {name}\n{difference(*flat)}\n{difference(*lines)}")
                break
            time.sleep(0.1)
        twins.both(_sweep)
    assert not wrong, f"{len(wrong)} of {len(dialogues)} differ:\n" + "\n".join(wrong)


def _one(recipient, sender="someone@example.net"):
    return ["@hello", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA",
            r"@raw From: x@example.net\r\nMessage-ID: <m@lab>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: s\r\n\r\nFrom here\r\n..dot\r\n>From\r\nend\r\n.\r\n", "@read", "QUIT"]


def scenario_pipe(world):
    cases = [(name, _one(f"Us.er+ext@{name}.pipe.example")) for name in _names()]
    cases += [("quoted", _one('"us er+e t"@flags8.pipe.example')), ("null sender", _one("x@null.pipe.example", "")),
              ("null sender, none", _one("x@nullempty.pipe.example", "")), ("null sender, usual", _one("x@flags13.pipe.example", "")),
              ("dash", _one("x@macros.pipe.example", '"a b"@example.net'))]
    _compare(world, cases)


def scenario_local(world):
    _compare(world, [(name, _one(f"{name}@home.example")) for name in LOCAL])


def scenario_virtual(world):
    big = _one("box@vmail.example")
    big[3:4] = ["DATA", "@filler 40"]
    _compare(world, [(name, _one(f"{name}@vmail.example")) for name in ("box", "box+ext", "dir", "dir+ext", "nosuch")] + [("large", big)])


for _scenario in (scenario_pipe, scenario_local, scenario_virtual):
    _scenario.only_for = ("apus",)
