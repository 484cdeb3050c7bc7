"""Attacks on the SMTP dialogue: smuggling in and out, plaintext injected around STARTTLS, abuse of pipelining, clients
that go slow in every state, harvesting of recipients."""

import re
import socket
import ssl
import threading
import time

from lab import peers
from lab.host import sh
from lab.smtp import message, wait_for
from lab.world import configured

MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
local_recipient_maps = inline:{ {sink = x} {other = x} {postmaster = x} }
alias_maps =
transport_maps = inline:{ {sink@smtp.example.com = smtp:[198.51.100.25]} {other@smtp.example.com = smtp:[198.51.100.25]} }
smtpd_tls_cert_file = /etc/letsencrypt/live/example.com/fullchain.pem
smtpd_tls_key_file = /etc/letsencrypt/live/example.com/privkey.pem
smtpd_tls_security_level = may
smtp_tls_security_level = may
smtpd_forbid_bare_newline = normalize
smtpd_forbid_bare_newline_exclusions =
smtpd_forbid_unauth_pipelining = yes
smtpd_timeout = 3s
smtpd_starttls_timeout = 3s
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtp_connect_timeout = 2s
smtp_helo_timeout = 2s
smtp_starttls_timeout = 2s
smtp_mail_timeout = 2s
smtp_rcpt_timeout = 2s
smtp_data_init_timeout = 2s
smtp_data_xfer_timeout = 2s
smtp_data_done_timeout = 2s
smtp_quit_timeout = 2s
smtp_rset_timeout = 2s
minimal_backoff_time = 1000s
maximal_backoff_time = 1000s
"""
# The article offers no AUTH at port 25.
MASTER = """
192.0.2.1:2587 inet n - n - - smtpd
    -o smtpd_sasl_auth_enable=yes
"""

WORLD = configured(MAIN, MASTER, dovecot=True)
TO = "sink@smtp.example.com"
SMUGGLED = "MAIL FROM:<evil@example.net>\r\nRCPT TO:<other@smtp.example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"

# Everything that a server somewhere took for the end of a message, but for CR LF dot CR LF.
ENDINGS = ["\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\n.\r", "\r.\n", "\r.\r\n", "\r\n.\r\r\n", "\r\n\0.\r\n",
           "\r\n.\0\r\n", "\r\r\n.\r\r\n", "\r\n..\r\n", "\r\n. \r\n"]


def _greeted(world):
    client = world.client()
    client.expect("EHLO out.example.net", "250-smtp.example.com")
    return client


def _begin(client, sender="someone@example.net"):
    for line, start in ((f"MAIL FROM:<{sender}>", "250"), (f"RCPT TO:<{TO}>", "250"), ("DATA", "354")):
        client.expect(line, start)


def scenario_smuggling_into_us(world):
    """However a message tries to end early, it is one message, with one reply."""
    server = world.server()
    for number, ending in enumerate(ENDINGS):
        client = _greeted(world)
        _begin(client)
        client.send(f"Subject: outer{number}\r\n\r\nbody{ending}{SMUGGLED}".replace("\r\n.\r\n", "\r\n.\r\n"))
        first = client.reply()
        # The dot of the smuggled message ends the outer one; nothing else was a command.
        assert first.startswith("250 2.0.0 Ok: queued as"), (ending, first)
        client.expect("NOOP", "250 2.0.0 Ok")
        client.quit()
    wait_for(lambda: len(server.messages) == len(ENDINGS), lambda: f"{len(ENDINGS)} messages: {len(server.messages)}")
    world.mta.wait_empty()
    for received in server.messages:
        assert received.sender == "someone@example.net" and received.recipients == [TO], vars(received)
        assert "Subject: smuggled" in received.content, received.content
    assert "evil@example.net" not in re.sub(r"MAIL FROM:<evil@example.net>", "", world.mta.log())


def scenario_smuggling_through_chunks(world):
    """What BDAT brings goes out by DATA: no bare CR, no bare LF, and one end."""
    server = world.server()
    for number, ending in enumerate(ENDINGS):
        client = _greeted(world)
        for line in ("MAIL FROM:<someone@example.net>", f"RCPT TO:<{TO}>"):
            client.expect(line, "250")
        body = f"Subject: chunk{number}\r\n\r\nbody{ending}{SMUGGLED}".encode()
        client.send(b"BDAT %d LAST\r\n" % len(body) + body)
        assert client.reply().startswith("250 2.0.0 Ok"), ending
        client.quit()
    wait_for(lambda: len(server.messages) == len(ENDINGS), lambda: f"messages: {len(server.messages)}\n{world.mta.log()[-2000:]}")
    world.mta.wait_empty()
    for received in server.messages:
        assert received.recipients == [TO], vars(received)
        rest = received.content.replace("\r\n", "")
        assert "\n" not in rest and "\r" not in rest, received.content
        assert "DATA" in received.content


class _TLSServer:
    """An SMTP server that says `injected` in plaintext behind its 220 to STARTTLS, in the same packet."""

    def __init__(self, world, injected):
        self.world, self.injected, self.log = world, injected, []
        self.certificate = world.mx.path("/etc/letsencrypt/live/example.com/")
        self.listener = world.outside.listen(peers.OUTSIDE_MX, 25)
        world._open.append(self)
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                self._serve(connection)
            except (OSError, ValueError) as error:
                self.log.append(repr(error))

    def _serve(self, connection):
        connection.settimeout(20)
        connection.sendall(b"220 mx ESMTP\r\n")
        connection.recv(1000)
        connection.sendall(b"250-mx\r\n250 STARTTLS\r\n")
        if not connection.recv(1000).startswith(b"STARTTLS"):
            return
        connection.sendall(b"220 ready\r\n" + self.injected)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate + "fullchain.pem", self.certificate + "privkey.pem")
        secure = context.wrap_socket(connection, server_side=True)
        file = secure.makefile("rb")
        data = False
        while line := file.readline():
            self.log.append(line)
            if data:
                if line != b".\r\n":
                    continue
                data = False
            reply = b"354 go" if line.startswith(b"DATA") else b"221 bye" if line.startswith(b"QUIT") else b"250 mx"
            data = line.startswith(b"DATA")
            secure.sendall(reply + b"\r\n")
        secure.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def scenario_replies_injected_before_tls(world):
    """What a man in the middle says behind `220` is not a reply to anything."""
    server = _TLSServer(world, b"250 injected\r\n550 5.1.1 injected\r\n")
    mark = len(world.mta.log())
    client = _greeted(world)
    client.mail("someone@example.net", [TO], message("injected"))
    client.quit()
    world.mta.wait_log(r"to=<sink@smtp\.example\.com>, .*status=(sent|deferred)", after=mark)
    log = world.mta.log()[mark:]
    assert "injected)" not in log and "status=bounced" not in log, log
    server.close()
    world._open.remove(server)
    world.mx.run("postsuper", "-d", "ALL", check=False)


def scenario_commands_injected_before_tls(world):
    """Plaintext behind STARTTLS is thrown away: it is no command of the encrypted session."""
    client = _greeted(world)
    client.send("STARTTLS\r\nEHLO injected.example\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<sink@smtp.example.com>\r\n")
    answer = client.reply()
    if answer.startswith("220"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            client.socket = context.wrap_socket(client.socket)
        except (ssl.SSLError, OSError):
            return  # The handshake met the plaintext: as good.
        client.file = client.socket.makefile("rb")
        # DATA would be accepted if the injected commands had been.
        client.expect("DATA", "503")
    else:
        assert answer.startswith(("554", "503")), answer
    client.close()


def scenario_commands_before_the_greeting(world):
    """smtpd_forbid_unauth_pipelining: a client that does not wait for its turn is refused."""
    mark = len(world.mta.log())
    sock = world.outside.connect(peers.MX, 25, peers.OUTSIDE)
    sock.sendall(b"HELO x.example.net\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<sink@smtp.example.com>\r\nDATA\r\n"
                 b"Subject: blind\r\n\r\nx\r\n.\r\nQUIT\r\n")
    text = b""
    while data := sock.recv(4096):
        text += data
    sock.close()
    assert b"queued as" not in text, text
    assert re.search(rb"^(554 5\.5\.0|503 5\.5\.0)", text, re.M), text
    assert "from=<a@example.net>" not in world.mta.log()[mark:]
    client = world.client()
    client.expect("EHLO out.example.net", "250-")
    # Many commands at once, over and over: answered in order, and no more is read than is answered.
    lines = []
    try:
        client.send("RSET\r\n" * 40000)
    except ConnectionError:
        # It has hung up before all of it was sent.
        pass
    try:
        while line := client.file.readline():
            lines.append(line)
            if len(lines) == 40000:
                break
    except OSError:
        pass
    # smtpd_junk_command_limit ends it.
    assert lines and all(line.startswith((b"250 2.0.0 Ok", b"421 4.7.0 ")) for line in lines), lines[-3:]
    assert len(lines) < 200, len(lines)
    client.close()


TLS = object()


def _slow(world, sent, port=25):
    """Says what it is told and nothing more; returns how long the server waits, and its last words."""
    client = world.client(port, timeout=20)
    for line in sent[:-1]:
        client.starttls() if line is TLS else client.command(line)
    client.send(sent[-1])
    started = time.monotonic()
    text = b""
    try:
        while data := client.socket.recv(4096):
            text += data
    except OSError:
        pass
    return time.monotonic() - started, text


def scenario_slow_in_every_state(world):
    """smtpd_timeout, wherever a client stops."""
    hello, mail, rcpt = "EHLO out.example.net", "MAIL FROM:<a@example.net>", f"RCPT TO:<{TO}>"
    states = {
        "nothing": [""], "half a command": ["MAI"], "after EHLO": [hello, ""], "half a MAIL": [hello, "MAIL FROM:<a"],
        "after MAIL": [hello, mail, ""], "after RCPT": [hello, mail, rcpt, ""], "in DATA": [hello, mail, rcpt, "DATA", "Subject: x\r\nhalf"],
        "before the dot": [hello, mail, rcpt, "DATA", "Subject: x\r\n\r\nx\r\n"], "half a dot": [hello, mail, rcpt, "DATA", "x\r\n."],
        "in a chunk": [hello, mail, rcpt, "BDAT 1000\r\nhalf of it"], "between chunks": [hello, mail, rcpt, "BDAT 2\r\nx", ""],
        "after the message": [hello, mail, rcpt, "DATA", "x\r\n.", ""],
        "before TLS": [hello, "STARTTLS", ""], "in the handshake": [hello, "STARTTLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
        "behind TLS": [hello, TLS, ""], "in DATA behind TLS": [hello, TLS, hello, mail, rcpt, "DATA", "Subject: x\r\nhalf"],
        "in AUTH PLAIN": [hello, "AUTH PLAIN", ""], "in the name of AUTH LOGIN": [hello, "AUTH LOGIN", "dXNl"],
        "before the password of AUTH LOGIN": [hello, "AUTH LOGIN", "dXNlcg==", ""],
    }
    results = {}

    def wait(name):
        results[name] = _slow(world, states[name], 2587 if "AUTH" in name else 25)
    threads = [threading.Thread(target=wait, args=(name,)) for name in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for name in states:
        seconds, text = results[name]
        assert 2 <= seconds < 12, (name, seconds, text)
        if name not in ("before TLS", "in the handshake"):
            assert text.endswith(b"421 4.4.2 smtp.example.com Error: timeout exceeded\r\n"), (name, text)
    for name in states:
        assert b"queued as" not in results[name][1] or name == "after the message", name
    world.mx.run("postsuper", "-d", "ALL", check=False)


def _deferred(world, subject, pattern, seconds=30):
    """Sends a message to the outside; returns how long it took until it was deferred for the reason."""
    client, mark, started = _greeted(world), len(world.mta.log()), time.monotonic()
    assert client.mail("someone@example.net", [TO], message(subject)).startswith("250 "), subject
    client.quit()
    world.mta.wait_log(rf"to=<sink@smtp\.example\.com>, .*status=deferred \({pattern}", seconds, after=mark)
    world.mx.run("postsuper", "-d", "ALL", check=False)
    return time.monotonic() - started


def scenario_servers_that_stall(world):
    """A server that says no more, in every state: deferred in time, with the state in the reason."""
    lost = r"conversation with 198\.51\.100\.25\[198\.51\.100\.25\] timed out while "
    reasons = {"CONNECT": "receiving the initial server greeting", "EHLO": "performing the EHLO handshake", "MAIL": "sending MAIL FROM",
               "RCPT": "sending RCPT TO", "DATA": "sending DATA command", "END": "sending end of data -- message may be sent more than once"}
    for state, reason in reasons.items():
        ending = threading.Event()
        server = world.server(lambda stage, _: ending.wait(40) and None if stage == state else None)
        try:
            assert _deferred(world, f"stall-{state}", lost + reason) < 20, state
        finally:
            ending.set()
            server.close()
            world._open.remove(server)


def scenario_servers_that_talk_for_ever(world):
    """A reply without an end, and one line without an end: given up, in bounded time and memory."""
    pids = set(world.mta.processes())
    for name, flood in (("lines", b"250-and so on\r\n" * 5000), ("line", b"x" * 100_000)):
        listener = world.outside.listen(peers.OUTSIDE_MX, 25)
        sent = []

        def talk(listener=listener, flood=flood, sent=sent):
            while True:
                try:
                    connection, _ = listener.accept()
                    connection.settimeout(20)
                    while True:
                        connection.sendall(flood)
                        sent.append(len(flood))
                except TimeoutError:
                    sent.append(0)
                except ConnectionError:
                    pass
                except OSError:
                    return
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            seconds = _deferred(world, f"talks-{name}", "", 60)
            print(f"     {name}: {sum(sent) / 1e6:.1f} MB heard in {seconds:.0f} s", flush=True)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(30)
    assert pids <= set(world.mta.processes()) or world.mta.kind != "apus", "a process has died"


def scenario_harvesting_of_recipients(world):
    """Names that do not exist: refused, counted, and the session ends at smtpd_hard_error_limit."""
    client = _greeted(world)
    client.expect("MAIL FROM:<a@example.net>", "250")
    replies = []
    for number in range(100):
        try:
            answer = client.command(f"RCPT TO:<user{number}@smtp.example.com>")
        except OSError:
            answer = ""
        replies.append(answer)
        if "421" in answer or not answer:
            break
    assert 15 <= len(replies) <= 25, len(replies)
    assert all(reply.startswith("550 5.1.1 ") for reply in replies[:15]), replies[:3]
    assert replies[-1].startswith("421 4.7.0") or not replies[-1], replies[-1]
    world.mta.wait_log(r"too many errors after RCPT from out\.example\.net\[198\.51\.100\.10\]")
    client.close()
    # VRFY tells no more than RCPT does.
    client = _greeted(world)
    assert client.command("VRFY nobody").startswith(("550", "252", "502")), "VRFY"
    client.quit()


def scenario_odd_bytes(world):
    """NUL, 8-bit garbage, long lines and nonsense: a reply each, and the server goes on."""
    pids = set(world.mta.processes())
    server = world.server()
    for line in (b"\0\0\0\r\n", b"EHLO \xff\xfe\r\n", b"MAIL FROM:<\xff@example.net>\r\n", b"A" * 100_000 + b"\r\n",
                 b"MAIL FROM:<" + b"(" * 2000 + b">\r\n", b"RCPT TO:<" + b"\"" * 1999 + b">\r\n", b"\r\n", b"\x16\x03\x01\r\n",
                 b"MAIL FROM:<a\0b@example.net>\r\n", b"EHLO [IPv6:" + b":" * 500 + b"]\r\n", b"BDAT 99999999999999999999 LAST\r\n",
                 b"BDAT -1\r\n", b"AUTH PLAIN " + b"=" * 1900 + b"\r\n", b"XCLIENT NAME=x\r\n", b"ETRN " + b"@" * 1000 + b"\r\n"):
        client = world.client()
        client.send(line)
        assert re.match(r"[245]\d\d[ -]", client.reply()), line[:40]
        client.close()
    client = _greeted(world)
    _begin(client)
    client.send(b"Subject: odd\r\n\r\n" + b"x" * 3_000_000 + b"\r\n\0\0\0\r\n" + bytes(range(128, 256)) + b"\r\n.\r\n")
    assert client.reply().startswith("250 2.0.0 Ok"), "a long line"
    client.quit()
    received = wait_for(lambda: server.messages and server.messages[0], lambda: "a message\n" + world.mta.log()[-2000:])
    lines = received.content.split("\r\n")
    assert max(map(len, lines)) <= 998, max(map(len, lines))
    assert sum(line.count("x") for line in lines) >= 3_000_000
    world.mta.wait_empty()
    assert pids <= set(world.mta.processes()), "a process has died"
