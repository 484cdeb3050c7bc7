"""Floods: connections, TLS handshakes, passwords. What is too much is answered and let go; others are served meanwhile."""

import base64
import re
import resource
import selectors
import socket
import subprocess
import threading
import time

from lab import peers
from lab.smtp import wait_for
from lab.world import configured

MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
local_recipient_maps =
local_transport = discard:
alias_maps =
default_process_limit = 20000
smtpd_tls_cert_file = /etc/letsencrypt/live/example.com/fullchain.pem
smtpd_tls_key_file = /etc/letsencrypt/live/example.com/privkey.pem
smtpd_tls_security_level = may
smtpd_client_connection_count_limit = 50
smtpd_client_connection_rate_limit = 0
smtpd_client_auth_rate_limit = 5
smtpd_client_new_tls_session_rate_limit = 30
smtpd_client_recipient_rate_limit = 40
smtpd_client_message_rate_limit = 30
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = embedded
smtpd_sasl_path = inline:{ {user@example.com = {PLAIN}right} }
smtpd_error_sleep_time = 0
anvil_rate_time_unit = 60s
"""
# The article offers no AUTH at port 25.
MASTER = """
192.0.2.1:2587 inet n - n - - smtpd
    -o smtpd_sasl_auth_enable=yes
192.0.2.1:2588 inet n - n - - smtpd
    -o smtpd_sasl_auth_enable=yes -o smtpd_client_auth_rate_limit=0
192.0.2.1:2525 inet n - n - - smtpd
    -o smtpd_client_connection_count_limit=0 -o smtpd_sasl_auth_enable=no
"""


WORLD = configured(MAIN, MASTER)


def _memory(world):
    """KiB of the process that takes mail."""
    total = 0
    for pid, name in world.mta.processes().items():
        if name in ("receive", "smtpd"):
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


class _Flood:
    """Connects from one address until `count` connections have been told something. One that hears nothing for three seconds is
    given up and tried again, as its kernel may believe in a connection that the server's had no room for."""

    def __init__(self, world, count, port):
        self.world, self.count, self.port = world, count, port
        # Sockets with what they were told.
        self.told, self.again = {}, 0
        self._selector = selectors.DefaultSelector()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def _connect(self, number):
        def make():
            for _ in range(number):
                sock = socket.socket()
                sock.setblocking(False)
                sock.bind((peers.NAMELESS, 0))
                sock.connect_ex((peers.MX, self.port))
                self._waiting[sock] = time.monotonic()
                self._selector.register(sock, selectors.EVENT_READ)
        self.world.outside.inside(make)

    def run(self, seconds=60):
        self._waiting, deadline = {}, time.monotonic() + seconds
        self._connect(self.count)
        while self._waiting and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.5):
                try:
                    text = key.fileobj.recv(1000)
                except OSError:
                    text = b""
                self._selector.unregister(key.fileobj)
                self._waiting.pop(key.fileobj)
                self.told[key.fileobj] = text
            late = [sock for sock, since in self._waiting.items() if time.monotonic() - since > 3]
            for sock in late:
                self._selector.unregister(sock)
                self._waiting.pop(sock)
                sock.close()
            if late:
                self.again += len(late)
                self._connect(len(late))
        return self

    def number(self, start):
        return sum(text.startswith(start) for text in self.told.values())

    def close(self):
        for sock in [*self.told, *self._waiting]:
            sock.close()
        self._selector.close()


def _newcomer(world, limit):
    started = time.monotonic()
    client = world.client()
    seconds = time.monotonic() - started
    client.expect("EHLO out.example.net", "250-")
    client.quit()
    assert seconds < limit, f"a newcomer waited {seconds} s"
    return seconds


class _Newcomers(threading.Thread):
    """Somebody from elsewhere, again and again; `slowest` is how long one waited for the greeting."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.ending, self.slowest, self.number, self.error = world, threading.Event(), 0, 0, None

    def run(self):
        while not self.ending.wait(0.1):
            try:
                self.slowest = max(self.slowest, _newcomer(self.world, 60))
                self.number += 1
            except Exception as error:  # told to the scenario
                self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()
        assert self.error is None and self.number, self.error


def scenario_ten_thousand_connections(world):
    """From one address: fifty are greeted, the others hear 421. Where no limit is set, all are held in little memory. A newcomer
    from elsewhere is greeted soon meanwhile, and at once afterwards."""
    for port, limit in ((25, 50), (2525, None)):
        before, started = _memory(world), time.monotonic()
        with _Newcomers(world) as newcomers:
            flood = _Flood(world, 10_000, port).run()
        seconds = time.monotonic() - started
        greeted, refused = flood.number(b"220 "), flood.number(b"421 4.7.0 ")
        each = (_memory(world) - before) / 10_000
        calm = _newcomer(world, 1)
        print(f"     port {port}: {greeted} greeted, {refused} refused in {seconds:.1f} s, {flood.again} tried again; {each:.1f} KiB each; "
              f"newcomers waited {newcomers.slowest * 1000:.0f} ms at most, {calm * 1000:.0f} ms afterwards", flush=True)
        flood.close()
        assert greeted + refused == 10_000, (greeted, refused)
        assert greeted == (limit or 10_000), greeted
        assert newcomers.slowest < 5, newcomers.slowest
        assert each < 60, each
        wait_for(lambda: _newcomer(world, 5), "the end of the flood")
    world.mta.wait_log(r"warning: Connection concurrency limit exceeded: \d+ from unknown\[198\.51\.100\.66\] for service smtp")


# A process each is more than Debian's Postfix can have.
scenario_ten_thousand_connections.only_for = ("apus",)


def scenario_abandoned_handshakes(world):
    """Clients that begin TLS and stop, or talk nonsense."""
    held = []
    for number in range(120):
        client = world.client(2525, source=peers.NAMELESS)
        client.expect("EHLO x.example.net", "250-")
        answer = client.command("STARTTLS")
        assert answer.startswith("220 "), answer
        client.send([b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.0\r\n\r\n", b"\x80\x2e\x01\x03\x01", b""][number % 4])
        held.append(client)
    _newcomer(world, 3)
    for client in held:
        client.close()
    world.mta.wait_log(r"SSL_accept error from unknown\[198\.51\.100\.66\]")


def scenario_tls_session_rate(world):
    """smtpd_client_new_tls_session_rate_limit."""
    refused = None
    for number in range(60):
        client = world.client(source=peers.RBL_LISTED)
        client.expect("EHLO listed.example.net", "250-")
        answer = client.command("STARTTLS")
        if answer.startswith("220 "):
            import ssl
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            client.socket = context.wrap_socket(client.socket)
            client.socket.close()
        else:
            refused = (number, answer)
            client.close()
            break
    assert refused and refused[0] >= 25 and refused[1].startswith(("454 4.7.0", "421 4.7.0", "450 4.7.1")), refused


def scenario_renegotiation(world):
    """A client that asks for new keys again and again costs many times its own work: refused."""
    program = subprocess.Popen(
        world.outside._wrap(["openssl", "s_client", "-connect", f"{peers.MX}:2525", "-starttls", "smtp", "-tls1_2"]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for _ in range(20):
            time.sleep(0.2)
            program.stdin.write(b"R\n")
            program.stdin.flush()
    except OSError:
        pass
    text = program.communicate()[0]
    assert b"RENEGOTIATING" in text, text
    assert re.search(rb"no renegotiation|unexpected message|SSL alert|ssl3?_read|SSL routines", text), text
    assert text.count(b"RENEGOTIATING") < 3, text
    _newcomer(world, 3)


def scenario_guessing_in_one_session(world):
    """smtpd_hard_error_limit ends a session of guesses, long before the list of passwords does."""
    client, replies = world.client(2588), []
    client.expect("EHLO out.example.net", "250-")
    for number in range(100):
        token = base64.b64encode(f"\0user@example.com\0guess{number}".encode()).decode()
        try:
            replies.append(client.command(f"AUTH PLAIN {token}"))
        except OSError:
            replies.append("")
        if not replies[-1].startswith("535"):
            break
    assert 15 <= len(replies) <= 25 and (replies[-1].startswith("421 4.7.0") or not replies[-1]), replies[-3:]
    world.mta.wait_log(r"too many errors after AUTH from out\.example\.net\[198\.51\.100\.10\]")
    client.close()


def scenario_guessing_passwords(world):
    """smtpd_client_auth_rate_limit: after five attempts a minute even the right password waits."""
    replies = []

    def attempt(password):
        client = world.client(2587, source=peers.OUTSIDE_MX)
        client.expect("EHLO mx.externaladdress.com", "250-")
        client.starttls()
        client.expect("EHLO mx.externaladdress.com", "250-")
        token = base64.b64encode(f"\0user@example.com\0{password}".encode()).decode()
        answer = client.command(f"AUTH PLAIN {token}")
        client.close()
        return answer
    for number in range(8):
        replies.append(attempt(f"guess{number}"))
    assert all(reply.startswith("535 5.7.8 ") for reply in replies[:5]), replies
    assert all(reply.startswith("450 4.7.1 ") for reply in replies[6:]), replies
    assert attempt("right").startswith("450 4.7.1 "), "the limit holds for the right password too"
    world.mta.wait_log(r"warning: .*\[198\.51\.100\.25\]: SASL PLAIN authentication failed")
    world.mta.wait_log(r"warning: AUTH command rate limit exceeded: \d+ from mx\.externaladdress\.com\[198\.51\.100\.25\]")


scenario_guessing_in_one_session.only_for = scenario_guessing_passwords.only_for = ("apus",)


def scenario_recipient_and_message_rates(world):
    """smtpd_client_recipient_rate_limit and smtpd_client_message_rate_limit."""
    replies = []
    for number in range(60):
        client = world.client(source=peers.SILENT)
        client.expect("EHLO [198.51.100.77]", "250-")
        client.expect("MAIL FROM:<a@example.net>", ("250 ", "450 4.7.1 "))
        replies.append(client.command(f"RCPT TO:<user{number}@smtp.example.com>"))
        client.close()
        if replies[-1].startswith("450 4.7.1"):
            break
        if not replies[-1].startswith("250"):
            break
    log = world.mta.log()
    assert "rate limit exceeded" in log and len(replies) <= 42, replies[-1]
