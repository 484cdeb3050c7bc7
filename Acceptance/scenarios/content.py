"""header_checks, mime_header_checks, nested_header_checks, body_checks and the strict MIME parameters."""

import email.utils
import os
import re

from lab.smtp import wait_for

HEADERS = r"""
/^X-Warn:/ WARN seen
/^X-Reject:/ REJECT 5.7.9 we want none of that
/^X-Later:/ REJECT 4.3.2 not today
/^X-Ignore:/ IGNORE
/^X-Prepend:/ PREPEND X-Before: that
/^X-Replace: (.*)/ REPLACE X-New: $1
/^X-Strip:/ STRIP
/^X-Redirect:/ REDIRECT other@externaladdress.com
/^X-Discard:/ DISCARD
/^X-Hold:/ HOLD
/^X-Copy:/ BCC copy@externaladdress.com
/^X-Odd:/ FROBNICATE
"""
BODY = r"""
/^secret/ REJECT
/^ignore/ IGNORE
/^replace/ REPLACE replaced
/^X-Part/ REJECT wrong table
"""
MIME = r"""
/name="?[^;]*\.exe/ REJECT no programs
/^X-Part:/ REPLACE X-Part: seen
"""


def _mutate(name, text):
    if name == "main.cf":
        text = text.replace("virtual_transport = spamass-dovecot", "virtual_transport = virtual")
        text += ("\nheader_checks = regexp:/etc/postfix/header_checks\nbody_checks = regexp:/etc/postfix/body_checks\n"
                 "mime_header_checks = regexp:/etc/postfix/mime_header_checks\nnested_header_checks =\n"
                 "smtpd_recipient_restrictions =\nsmtpd_helo_restrictions =\nstrict_mime_encoding_domain = yes\n"
                 "mynetworks = 127.0.0.0/8, 198.51.100.0/24\n")
    return text


WORLD = {"dovecot": False, "spamd": False, "mutate": _mutate}
FRIEND = "friend@externaladdress.com"


def _greeted(world):
    if not os.path.exists(world.mx.path("/etc/postfix/header_checks")):
        for name, text in (("header_checks", HEADERS), ("body_checks", BODY), ("mime_header_checks", MIME)):
            world.mx.write(f"/etc/postfix/{name}", text.lstrip())
        world.mta.stop()
        world.mta.start()
    return world.greeted()


def _message(header, body):
    return (f"From: Someone <someone@example.net>\nTo: Friend <{FRIEND}>\nSubject: content\n"
            f"Date: {email.utils.formatdate()}\nMessage-ID: <content.1@lab.example>\n{header}\n{body}")


def _send(world, header="", body="hello\n"):
    """The whole answer to the end of data."""
    client = _greeted(world)
    client.expect("MAIL FROM:<someone@example.net>", "250")
    client.expect(f"RCPT TO:<{FRIEND}>", "250")
    answer = client.content(_message(header, body))
    client.quit()
    return answer


def _logged(world, verb, what, text=""):
    tail = f": {text}" if text else ""
    world.mta.wait_log(
        rf"postfix/cleanup\[\d+\]: \w+: {verb}: {re.escape(what)} from \S+\[198\.51\.100\.\d+\]; from=<someone@example\.net> "
        rf"to=<friend@externaladdress\.com> proto=ESMTP helo=<out\.example\.net>{re.escape(tail)}$")


def _delivered(world, **content):
    server = world.server()
    answer = _send(world, **content)
    assert answer.startswith("250 "), answer
    wait_for(lambda: server.messages, "the message")
    return server.messages[0].content.replace("\r\n", "\n")


def scenario_refusals(world):
    answer = _send(world, header="X-Reject: 1\n")
    assert answer == "550 5.7.9 we want none of that", answer
    _logged(world, "reject", "header X-Reject: 1", "5.7.9 we want none of that")
    answer = _send(world, header="X-Later: 1\n")
    assert answer == "451 4.3.2 not today", answer
    answer = _send(world, body="fine\nsecret words\n")
    assert answer == "550 5.7.1 message content rejected", answer
    _logged(world, "reject", "body secret words", "5.7.1 message content rejected")
    assert not world.mta.queue(), world.mta.queue()


def scenario_lines_change(world):
    text = _delivered(
        world, header="X-Warn: 1\nX-Ignore: 1\nX-Prepend: 1\nX-Replace: abc\n\tdef\nX-Strip: 1\nX-Odd: 1\n",
        body="one\nignore me\nreplace me\nlast\n")
    head, body = text.split("\n\n", 1)
    assert "X-Ignore" not in head and "X-Strip" not in head, head
    assert "X-Before: that\nX-Prepend: 1\n" in head and "X-New: abc" in head and "X-Odd: 1" in head, head
    assert body == "one\nreplaced\nlast\n", body
    _logged(world, "warning", "header X-Warn: 1", "seen")
    _logged(world, "strip", "header X-Strip: 1")
    world.mta.wait_log(r"postfix/cleanup\[\d+\]: warning: unknown command in header_checks map: FROBNICATE$")


def scenario_parts(world):
    part = "--b\n{}\n\ntext\n--b--\n"
    kind = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
    answer = _send(world, header=kind, body=part.format('Content-Type: text/plain; name="a.exe"'))
    assert answer == "550 5.7.1 no programs", answer
    text = _delivered(world, header=kind, body=part.format("X-Part: 1"))
    assert "--b\nX-Part: seen\n\ntext\n--b--\n" in text, text
    answer = _send(world, header=kind + "Content-Transfer-Encoding: base64\n", body=part.format("X-None: 1"))
    assert answer == "550 5.6.0 invalid message/* or multipart/* encoding domain", answer
    world.mta.wait_log(r": reject: mime-error invalid message/\* or multipart/\* encoding domain: base64 from ")


def scenario_where_the_message_goes(world):
    copies = world.server()
    assert _send(world, header="X-Redirect: 1\n").startswith("250 ")
    wait_for(lambda: copies.messages, "the redirected message")
    assert "other@externaladdress.com" in str(copies.messages[0].recipients), vars(copies.messages[0])
    _logged(world, "redirect", "header X-Redirect: 1", "other@externaladdress.com")
    assert _send(world, header="X-Copy: 1\n").startswith("250 ")
    wait_for(lambda: any("copy@externaladdress.com" in str(m.recipients) for m in copies.messages), "the copy")
    assert _send(world, header="X-Discard: 1\n").startswith("250 ")
    _logged(world, "discard", "header X-Discard: 1")
    world.mta.wait_empty()
    answer = _send(world, header="X-Hold: 1\n")
    assert answer.startswith("250 "), answer
    queue_id = answer.rsplit(" ", 1)[1]
    _logged(world, "hold", "header X-Hold: 1")
    assert queue_id in world.mx.run("postqueue", "-p").stdout, world.mx.run("postqueue", "-p").stdout
    world.mx.run("postsuper", "-d", queue_id)
