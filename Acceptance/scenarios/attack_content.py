"""Attacks by content: bombs of headers, addresses and MIME parts, loops of aliases, includes and .forward files, mail
loops, and notifications to senders who never sent anything."""

import os
import re
import time

from lab import peers
from lab.smtp import message, wait_for
from lab.world import configured

MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
alias_maps = hash:/etc/aliases
virtual_alias_domains = virtual.example
virtual_alias_maps = regexp:/etc/postfix/virtual.regexp
virtual_alias_expansion_limit = 200
relay_domains = externaladdress.com
relay_recipient_maps = inline:{ {friend@externaladdress.com = x} }
message_size_limit = 20000000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
bounce_size_limit = 20000
notify_classes = resource, software
"""
ALIASES = """
postmaster: root
root: tester
loop1: loop2
loop2: loop1
self: self
deep0: tester
bomb: bomb0
bomb20: tester
included: :include:/etc/postfix/list0
"""
# Each name grows to two, and those to two: without limits more than anybody could deliver.
VIRTUAL = r"""
/^grow(\d*)@virtual\.example$/ grow${1}1@virtual.example, grow${1}2@virtual.example
/^turn1@virtual\.example$/ turn2@virtual.example
/^turn2@virtual\.example$/ turn1@virtual.example
"""


WORLD = configured(MAIN)
START = False


def _start(world):
    if world.mta.running():
        return
    host = world.mx
    for name in ("tester", "ping", "pong", "selfish"):
        host.run("useradd", "-m", name)
    aliases = ALIASES + "".join(f"deep{n}: deep{n - 1}\n" for n in range(1, 150))
    aliases += "".join(f"bomb{n}: bomb{n + 1}, bomb{n + 1}+x, \\tester\n" for n in range(20))
    host.write("/etc/aliases", aliases)
    host.run("postalias", "/etc/aliases")
    host.write("/etc/postfix/virtual.regexp", VIRTUAL)
    for n in range(30):
        host.write(f"/etc/postfix/list{n}", f"# {n}\n:include:/etc/postfix/list{(n + 1) % 30}\ntester\n")
    for name, to in (("ping", "pong"), ("pong", "ping"), ("selfish", "selfish, \\selfish")):
        host.write(f"/home/{name}/.forward", to + "\n")
        host.run("chown", f"{name}:{name}", f"/home/{name}/.forward")
    world.mta.start()


def _send(world, to, subject, sender="someone@example.net", text=None):
    client = world.client()
    client.expect("EHLO out.example.net", "250-")
    answer = client.mail(sender, [to], text or message(subject, sender))
    client.quit()
    assert answer.startswith("250 2.0.0 Ok"), answer
    return answer.split()[-1]


def _clean(world):
    world.mta.wait_quiet()
    world.mx.run("postsuper", "-d", "ALL")


def _copies(world, subject):
    try:
        return world.mx.read("/var/mail/tester").count(f"\nSubject: {subject}\n")
    except FileNotFoundError:
        return 0


def scenario_loops_of_aliases(world):
    """Aliases, includes and .forward files that lead back to themselves: an end each, and no flood."""
    _start(world)
    world.server()
    for name in ("loop1", "self", "included", "ping", "selfish", "bomb", "deep149"):
        mark, started = len(world.mta.log()), time.monotonic()
        _send(world, f"{name}@smtp.example.com", f"to-{name}")
        world.mta.wait_quiet()
        log = world.mta.log()[mark:]
        results = re.findall(r"status=(\w+) \((.*)\)", log)
        assert results, log
        assert len(results) < 120, f"{name}: {len(results)} results"
        assert time.monotonic() - started < 45, name
    # The sound parts of the hostile lists were delivered, once.
    for name in ("bomb", "included"):
        assert _copies(world, f"to-{name}") <= 3, (name, _copies(world, f"to-{name}"))
    _clean(world)


def scenario_growing_virtual_aliases(world):
    """virtual_alias_expansion_limit and virtual_alias_recursion_limit."""
    _start(world)
    for name in ("grow", "turn1"):
        client = world.client()
        client.expect("EHLO out.example.net", "250-")
        client.expect("MAIL FROM:<someone@example.net>", "250")
        answer = client.command(f"RCPT TO:<{name}@virtual.example>")
        if answer.startswith("250"):
            answer = client.content(message("grow"))
        assert re.match(r"4\d\d |5\d\d |250 ", answer), answer
        client.close()
    world.mta.wait_quiet()
    assert len(world.mta.queue()) < 5, world.mta.queue()[:5]
    assert re.search(r"unreasonable virtual_alias_maps map (expansion size|nesting)", world.mta.log()), world.mta.log()[-2000:]
    _clean(world)


def scenario_mail_loops(world):
    """A message that comes back: Delivered-To: and hopcount_limit end it with a bounce."""
    _start(world)
    outside = world.server(address=peers.OUTSIDE, name="out.example.net")
    text = message("returning").replace("From: ", "Delivered-To: tester@smtp.example.com\nFrom: ", 1)
    mark = len(world.mta.log())
    _send(world, "tester@smtp.example.com", "returning", text=text)
    world.mta.wait_log(r"status=bounced \(mail forwarding loop for tester@smtp\.example\.com\)", after=mark)
    hops = "".join(f"Received: from a{n} by b{n}; Sat, 28 Nov 2026 00:00:00 +0000\n" for n in range(60))
    client = world.client()
    client.expect("EHLO out.example.net", "250-")
    answer = client.mail("someone@example.net", ["tester@smtp.example.com"], hops + message("hops"))
    assert answer.startswith("554 5.4.0 Error: too many hops"), answer
    client.close()
    wait_for(lambda: outside.messages, lambda: "the notification\n" + world.mta.log()[-2000:])
    assert outside.messages[0].sender == "", "a notification has no sender"
    _clean(world)
    assert len(outside.messages) == 1, [m.content[:200] for m in outside.messages]


def scenario_forged_senders(world):
    """Backscatter: unknown recipients are refused in the dialogue, notifications go out once, short, and are never
    answered with another."""
    _start(world)
    for recipient in ("nosuchuser@smtp.example.com", "nobody@externaladdress.com"):
        client = world.client()
        client.expect("EHLO out.example.net", "250-")
        client.expect("MAIL FROM:<victim@example.net>", "250")
        client.expect(f"RCPT TO:<{recipient}>", "550 5.1.1 ")
        client.close()
    victim = world.server(address=peers.OUTSIDE, name="out.example.net")
    # What is accepted and fails later is returned once, cut to bounce_size_limit.
    mark = len(world.mta.log())
    client = world.client()
    client.expect("EHLO out.example.net", "250-")
    friend = world.server(lambda stage, _: "550 5.7.1 no" if stage == "RCPT" else None)
    big = message("victim", body="spam spam spam\n" * 20_000)
    assert client.mail("victim@example.net", ["friend@externaladdress.com"], big).startswith("250 ")
    # The null sender hears nothing at all.
    assert client.mail("", ["friend@externaladdress.com"], message("null")).startswith("250 ")
    client.quit()
    returned = wait_for(lambda: victim.messages and victim.messages[0], lambda: "a notification\n" + world.mta.log()[-3000:])
    assert returned.sender == "" and len(returned.content) < 40_000, (returned.sender, len(returned.content))
    assert "\nAuto-Submitted: auto-replied" in returned.content.replace("\r", "")
    world.mta.wait_quiet()
    assert len(victim.messages) == 1, len(victim.messages)
    assert not friend.messages
    # The victim's server refuses the notification: no notification about that.
    victim.close()
    world._open.remove(victim)
    refusing = world.server(lambda stage, _: "550 5.1.1 go away" if stage == "RCPT" else None, peers.OUTSIDE, "out.example.net")
    client = world.client()
    client.expect("EHLO out.example.net", "250-")
    assert client.mail("victim@example.net", ["friend@externaladdress.com"], message("v2")).startswith("250 ")
    client.quit()
    world.mta.wait_log(r"to=<victim@example\.net>, .*status=bounced", after=mark)
    world.mta.wait_quiet()
    assert world.mta.queue() == [], world.mta.queue()
    assert not refusing.messages
    assert world.mta.log()[mark:].count("postmaster notification") == 0


def _peak(world):
    peaks = []
    for pid in world.mta.processes():
        try:
            with open(f"/proc/{pid}/status") as file:
                peaks += [int(value) // 1024 for value in re.findall(r"VmHWM:\s+(\d+)", file.read())]
        except OSError:
            pass
    return max(peaks)


def scenario_bombs(world):
    """Many headers, many addresses, deep MIME, endless lines: taken or refused, in bounded time and memory."""
    _start(world)
    pids = set(world.mta.processes())
    receiver = world.server(lambda stage, _: "250 out.example.net" if stage == "EHLO" else None)
    nested = "Content-Type: multipart/mixed; boundary=b0\nContent-Transfer-Encoding: 8bit\n\n"
    nested += "".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(3000))
    nested += "--b3000\nContent-Transfer-Encoding: 8bit\n\n\xe4\n"
    bombs = {
        "headers": "".join(f"X-{n}: {n}\n" for n in range(200_000)) + "\nx\n",
        "folded": "Subject: a\n" + " b\n" * 500_000 + "\nx\n",
        "addresses": "To: " + ", ".join(f"a{n}@example.net" for n in range(100_000)) + "\n\nx\n",
        "comments": "To: " + "(" * 500_000 + "\n\nx\n",
        "groups": "To: " + "a:" * 200_000 + ";\n\nx\n",
        "quotes": "Cc: " + "\"\\" * 300_000 + "\n\nx\n",
        "boundaries": "Content-Type: multipart/mixed; boundary=\"" + "b" * 100_000 + "\"\n\n" + "--" + "b" * 100_000 + "\n",
        "nested": nested,
        "parts": "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n"
                 + "--b\nContent-Type: message/rfc822\n\n" * 50_000 + "\xe4\n",
        "line": "X: y\n\n" + "\xe4" * 3_000_000 + "\n",
        "empty": "\n" * 1_000_000,
    }
    for name, text in bombs.items():
        started = time.monotonic()
        client = world.client(timeout=60)
        client.expect("EHLO out.example.net", "250-")
        answer = client.mail("someone@example.net", ["friend@externaladdress.com"], text)
        client.close()
        assert re.match(r"(250 2|5\d\d |4\d\d )", answer), (name, answer)
        seconds = time.monotonic() - started
        assert seconds < 30, (name, seconds)
    world.mta.wait_quiet(90)
    assert pids <= set(world.mta.processes()), "a process has died"
    peak = _peak(world)
    print(f"     {len(receiver.messages)} of {len(bombs)} bombs went on; the largest process had {peak} MiB")
    assert peak < 400, peak
    for received in receiver.messages:
        assert max(map(len, received.content.split("\r\n"))) <= 998
    _clean(world)
