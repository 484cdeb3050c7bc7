"""A plain SMTP client for dialogues, and a scripted SMTP server for the outside world."""

import base64
import collections
import email.utils
import re
import socket
import ssl
import threading
import time


class Client:
    """Speaks SMTP line by line and keeps every reply."""

    def __init__(self, host, address, port=25, source=None, timeout=30, greeting=True):
        self.socket = host.connect(address, port, source, timeout)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply() if greeting else None

    def reply(self):
        """A whole reply, its lines joined by newlines; empty when the server hung up."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return "\n".join(lines)
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if len(line) < 4 or line[3:4] != b"-":
                return "\n".join(lines)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def expect(self, line, start):
        answer = self.command(line)
        assert answer.startswith(start), f"{line!r}: wanted {start!r}, got {answer!r}"
        return answer

    def starttls(self):
        self.expect("STARTTLS", "220 ")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def login(self, user, password):
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.command(f"AUTH PLAIN {token}")

    def content(self, message):
        """DATA with a message given as text with bare newlines; returns the final reply."""
        self.expect("DATA", "354 ")
        lines = message.split("\n")
        stuffed = "\r\n".join("." + line if line.startswith(".") else line for line in lines)
        self.send(stuffed + ("" if message.endswith("\n") else "\r\n") + ".\r\n")
        return self.reply()

    def mail(self, sender, recipients, message):
        """A whole transaction; returns the final reply."""
        self.expect(f"MAIL FROM:<{sender}>", "250 ")
        for recipient in recipients:
            self.expect(f"RCPT TO:<{recipient}>", "250 ")
        return self.content(message)

    def quit(self):
        try:
            self.command("QUIT")
        finally:
            self.close()

    def close(self):
        self.file.close()
        self.socket.close()


def message(subject="test", sender="someone@example.net", to="someone@example.com", body="Hello.\n"):
    """A message that no spam filter minds, with bare newlines."""
    return (f"From: Someone <{sender}>\nTo: Somebody <{to}>\nSubject: {subject}\nDate: {email.utils.formatdate()}\n"
            f"Message-ID: <{subject}.1234567890@lab.example>\nMIME-Version: 1.0\n"
            f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}")


class Received:
    def __init__(self, sender, recipients, content, helo, peer):
        self.sender, self.recipients, self.content, self.helo, self.peer = sender, recipients, content, helo, peer


class Server:
    """An SMTP server of the outside world. `script(stage, argument)` may return a reply that replaces the usual one;
    stages are CONNECT EHLO HELO XFORWARD MAIL RCPT DATA END."""

    def __init__(self, host, address, port=25, name="outside.example", script=None):
        self.name = name
        self.script = script or (lambda stage, argument: None)
        # Messages too large to keep: `lines` counts the lines of each kind instead.
        self.digests = False
        # Called before a message is taken; the message keeps what it returns in `mark`.
        self.clock = lambda: None
        self.messages = []
        self.connections = 0
        self.open = set()
        self.lock = threading.Lock()
        self.listener = host.listen(address, port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.add(connection)
            threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def _serve(self, connection, peer):
        file = connection.makefile("rb")
        helo, sender, recipients = "", None, []

        def say(stage, argument, usual):
            reply = self.script(stage, argument) or usual
            connection.sendall((reply.replace("\n", "\r\n") + "\r\n").encode())
            return reply
        try:
            if not say("CONNECT", peer[0], f"220 {self.name} ESMTP").startswith("220"):
                return
            while line := file.readline():
                text = line.decode("utf-8", "replace").rstrip("\r\n")
                verb = text.split(" ")[0].upper()
                if verb == "EHLO":
                    helo = text[5:]
                    say("EHLO", helo, f"250-{self.name}\n250-PIPELINING\n250-SIZE\n250-8BITMIME\n250-DSN\n250 SMTPUTF8")
                elif verb == "HELO":
                    helo = text[5:]
                    say("HELO", helo, f"250 {self.name}")
                elif verb == "XFORWARD":
                    say("XFORWARD", text, "250 2.0.0 Ok")
                elif verb == "MAIL":
                    address = re.search(r"<(.*?)>", text)
                    if say("MAIL", text, "250 2.1.0 Ok").startswith("2"):
                        sender, recipients = address.group(1) if address else "", []
                elif verb == "RCPT":
                    address = re.search(r"<(.*?)>", text)
                    if sender is None:
                        connection.sendall(b"503 5.5.1 need MAIL first\r\n")
                        continue
                    if say("RCPT", text, "250 2.1.5 Ok").startswith("2"):
                        recipients.append(address.group(1) if address else "")
                elif verb == "DATA":
                    if not recipients:
                        connection.sendall(b"503 5.5.1 no recipients\r\n")
                        continue
                    if not say("DATA", "", "354 go").startswith("354"):
                        continue
                    content, lines = [], collections.Counter()
                    while (data := file.readline()) not in (b".\r\n", b""):
                        if self.digests:
                            lines[data] += 1
                        else:
                            content.append(data[1:] if data.startswith(b".") else data)
                    if not data:
                        return
                    mark = self.clock()
                    if say("END", sender, "250 2.0.0 Ok: taken").startswith("2"):
                        received = Received(sender, recipients, b"".join(content).decode("utf-8", "replace"), helo, peer)
                        received.lines, received.mark = lines, mark
                        with self.lock:
                            self.messages.append(received)
                elif verb == "RSET":
                    sender, recipients = None, []
                    connection.sendall(b"250 2.0.0 Ok\r\n")
                elif verb == "QUIT":
                    connection.sendall(b"221 2.0.0 Bye\r\n")
                    return
                else:
                    connection.sendall(b"502 5.5.2 Error: command not recognized\r\n")
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def close(self):
        """Stops listening and hangs up: a session that a mail server keeps open must not reach into the next scenario."""
        with self.lock:
            connections = list(self.open)
        for ending in [self.listener] + connections:
            try:
                ending.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()


def wait_for(condition, what, seconds=30, pause=0.05):
    """Waits until `condition()` gives a true value and returns it; `pause` seconds pass between two looks."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(pause)
