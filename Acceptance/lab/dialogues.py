"""Dialogues with an SMTP server, as short texts. A line is sent with CRLF and its reply kept; a line that starts with `@` is
an instruction:

    @port N        @from ADDRESS      before the connection is made
    @hello         EHLO out.example.net
    @mail A B      MAIL FROM:<A> and RCPT TO:<B>
    @message TEXT  DATA, a small message with the subject TEXT, the end of data
    @raw TEXT      sends TEXT as it is (with \\r \\n \\x..), and reads nothing
    @read          reads a reply
    @read eof      reads until the server hangs up
    @tls           starts TLS without a command (after STARTTLS was answered, or in wrapper mode)
    @drop          hangs up
    @nothing       only connects
    @quiet         connects and does not wait for a greeting
    @filler N      N lines of 80 octets of content
    @long N        a line of N octets
    @received N    N Received: headers
    @folded N      N continuation lines of a header
"""

import re
import ssl

from lab import peers
from lab.smtp import Client


def parse(text):
    """`== name` lines start a dialogue. Returns name and steps of each."""
    found = []
    for line in text.strip().splitlines():
        if line.startswith("== "):
            found.append((line[3:], []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def _unescaped(text):
    return re.sub(rb"\\(x[0-9a-f]{2}|r|n|\\)", lambda m: {b"r": b"\r", b"n": b"\n", b"\\": b"\\"}.get(m[1]) or bytes([int(m[1][1:], 16)]),
                  text.encode())


def _trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Player:
    def __init__(self, world):
        self.world, self.port, self.source, self.client, self.replies = world, 25, peers.OUTSIDE, None, []

    def open(self, greeting=True):
        if self.client is None:
            self.client = Client(self.world.outside, peers.MX, self.port, self.source, timeout=20, greeting=greeting)
            self.replies.append(self.client.greeting or "")

    def step(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "@port":
            self.port = int(rest)
        elif verb == "@from":
            self.source = getattr(peers, rest)
        elif verb == "@tls":
            self.open(greeting=False)
            self.client.socket = _trusting().wrap_socket(self.client.socket)
            self.client.file = self.client.socket.makefile("rb")
        elif verb == "@quiet":
            self.open(greeting=False)
        else:
            self.open()
            self.talk(verb, rest, line)

    def talk(self, verb, rest, line):
        client = self.client
        if verb == "@hello":
            self.replies.append(client.command("EHLO out.example.net"))
        elif verb == "@mail":
            sender, recipient = (rest.split(" ") + [""])[:2]
            for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
                # One by one: the first reply counts also when the server hangs up before the second.
                self.replies.append(client.command(command))
        elif verb == "@message":
            self.replies.append(client.command("DATA"))
            client.send(f"From: someone@example.net\r\nTo: you@example.com\r\nSubject: {rest}\r\nMessage-ID: <{rest}@lab.example>\r\n"
                        "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nHello.\r\n.\r\n")
            self.replies.append(client.reply())
        elif verb == "@raw":
            client.send(_unescaped(rest))
        elif verb == "@read":
            self.replies.append(client.reply())
            while rest == "eof" and self.replies[-1]:
                self.replies.append(client.reply())
        elif verb == "@nothing":
            pass
        elif verb == "@filler":
            client.send("Subject: filler\r\n\r\n" + ("x" * 78 + "\r\n") * int(rest))
        elif verb == "@long":
            client.send("z" * int(rest) + "\r\n")
        elif verb == "@received":
            client.send("Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n" * int(rest))
        elif verb == "@folded":
            client.send(("\t" + "y" * 60 + "\r\n") * int(rest))
        elif verb == "@drop":
            client.close()
        else:
            self.replies.append(client.command(line))


def play(world, steps):
    """Plays a dialogue. Returns the greeting and the replies."""
    player = _Player(world)
    try:
        for line in steps:
            player.step(line)
    except ConnectionError:
        # Hung up: whether the other side had read everything before is a matter of luck.
        player.replies.append("")
    except OSError as error:
        player.replies.append(type(error).__name__)
    finally:
        if player.client:
            player.client.close()
    while player.replies and not player.replies[-1]:
        player.replies.pop()
    return player.replies
