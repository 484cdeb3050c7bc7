"""Loads that smtp-source can't make. Client processes, so that their work does not wait for one another's."""

import multiprocessing
import socket
import ssl
import time

from lab import peers


def _context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reply(file):
    while line := file.readline():
        if line[3:4] != b"-":
            return line
    raise AssertionError("the server hung up")


def _ask(connection, file, text, wanted):
    connection.sendall(text.encode())
    answer = _reply(file)
    assert answer.startswith(wanted.encode()), (text[:40], answer)


def _connect(timeout=60):
    connection = socket.create_connection((peers.MX, 25), timeout, source_address=(peers.OUTSIDE, 0))
    file = connection.makefile("rb")
    assert _reply(file).startswith(b"220")
    return connection, file


def _secure(context):
    connection, file = _connect()
    _ask(connection, file, "EHLO out.example.net\r\n", "250")
    _ask(connection, file, "STARTTLS\r\n", "220")
    connection = context.wrap_socket(connection)
    file = connection.makefile("rb")
    _ask(connection, file, "EHLO out.example.net\r\n", "250")
    return connection, file


def _tls_messages(count, size):
    context = _context()
    content = "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * (size // 72) + ".\r\n"
    for _ in range(count):
        connection, file = _secure(context)
        _ask(connection, file, "MAIL FROM:<from@example.net>\r\n", "250")
        _ask(connection, file, "RCPT TO:<to@externaladdress.com>\r\n", "250")
        _ask(connection, file, "DATA\r\n", "354")
        _ask(connection, file, content, "250")
        _ask(connection, file, "QUIT\r\n", "221")
        connection.close()


def _inside(outside, work, *arguments):
    """A process in the network namespace of `outside`."""
    def run():
        outside.inside(lambda: work(*arguments))
    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def tls_sessions(outside, sessions, messages, size=4096):
    """A STARTTLS session for each message, from `sessions` clients at a time."""
    clients = [_inside(outside, _tls_messages, messages // sessions, size) for _ in range(sessions)]
    for client in clients:
        client.join()
        assert client.exitcode == 0, "a client failed"


def _many(recipients):
    connection, file = _connect(600)
    _ask(connection, file, "EHLO out.example.net\r\n", "250")
    _ask(connection, file, "MAIL FROM:<from@example.net>\r\n", "250")
    for start in range(0, len(recipients), 100):
        batch = recipients[start:start + 100]
        connection.sendall("".join(f"RCPT TO:<{recipient}>\r\n" for recipient in batch).encode())
        for _ in batch:
            assert _reply(file).startswith(b"250")
    _ask(connection, file, "DATA\r\n", "354")
    _ask(connection, file, "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * 56 + ".\r\n", "250")
    _ask(connection, file, "QUIT\r\n", "221")


def one_message(outside, recipients):
    outside.inside(lambda: _many(recipients))


class IdleSessions:
    """Sessions that have said EHLO and nothing since."""

    def __init__(self, outside, count, tls):
        context = _context()
        self.held = []

        def open_all():
            for _ in range(count):
                if tls:
                    self.held.append(_secure(context))
                else:
                    connection, file = _connect()
                    _ask(connection, file, "EHLO out.example.net\r\n", "250")
                    self.held.append((connection, file))
        self.outside = outside
        outside.inside(open_all)

    def newcomer(self):
        """Seconds until one more client is greeted: the median of eleven."""
        def greet():
            started = time.monotonic()
            connection, _ = _connect()
            seconds = time.monotonic() - started
            connection.close()
            return seconds
        return sorted(self.outside.inside(greet) for _ in range(11))[5]

    def close(self):
        for connection, file in self.held:
            file.close()
            connection.close()
