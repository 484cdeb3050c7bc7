"""The ways of local delivery and the options of sendmail, each in one configuration that has them all."""

import os
import re
import socket
import ssl
import time

from lab.smtp import Client, message, wait_for
from lab.world import configured

MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
myorigin = smtp.example.com
mynetworks = 127.0.0.0/8
recipient_delimiter = +
smtpd_tls_cert_file = /etc/letsencrypt/live/example.com/fullchain.pem
smtpd_tls_key_file = /etc/letsencrypt/live/example.com/privkey.pem
smtpd_tls_security_level = may
mydestination = $myhostname, localhost, home.example, spool.example
local_recipient_maps =
proxy_read_maps = proxy:unix:passwd.byname
transport_maps = texthash:/etc/postfix/transport
best_mx_transport = local
luser_relay = tester+lost-$local
fallback_transport_maps = inline:{ {nosuch = discard:gone} }
mailbox_transport_maps = inline:{ {viatransport = discard:here} }
mailbox_command_maps = inline:{ {viacommand = /usr/bin/tee /tmp/out/command} }
fast_flush_domains = externaladdress.com
maximal_backoff_time = 1000s
minimal_backoff_time = 900s
alias_maps = hash:/etc/aliases
"""
MASTER = """
home     unix  -       n       n       -       -       local
    -o home_mailbox=Maildir/ -o syslog_name=postfix/home
spooled  unix  -       n       n       -       -       local
    -o mail_spool_directory=/var/spool2/ -o syslog_name=postfix/spooled
127.0.0.1:7777 inet n  n       n       -       2       spawn user=nobody argv=/usr/bin/head -n 1
127.0.0.1:4650 inet n  -       n       -       -       smtpd
    -o smtpd_tls_wrappermode=yes
127.0.0.1:2626 inet n  -       n       -       1       smtpd
127.0.0.1:2828 inet n  -       y       -       -       smtpd
    -o { local_recipient_maps = proxy:unix:passwd.byname $alias_maps }
127.0.0.1:2727 inet n  -       n       -       -       smtpd
    -o smtpd_timeout=2s -o smtpd_per_request_deadline=yes -o smtpd_min_data_rate=10
"""


WORLD = configured(MAIN, MASTER)
START = False
FRIEND = "friend@externaladdress.com"


def _start(world):
    """Users, files and tables; the server runs afterwards."""
    if world.mta.running():
        return
    host = world.mx
    for name in ("tester", "viatransport", "viacommand", "forwarder"):
        host.run("useradd", "-m", "-c", "Test Person,room", name)
    host.write("/etc/postfix/transport", "home.example home:\nspool.example spooled:\nbad.example error:5.1.1 nope\n")
    os.makedirs(host.path("/var/spool2"))
    os.chmod(host.path("/var/spool2"), 0o1777)
    for path in ("/tmp/out", "/var/spool2"):
        os.makedirs(host.path(path), exist_ok=True)
        os.chmod(host.path(path), 0o1777)
    host.write("/home/forwarder/.forward", "\\forwarder, \"|/usr/bin/tee /tmp/out/forward\", /tmp/out/file, friend@externaladdress.com\n")
    host.write("/home/forwarder/.forward+ext", "tester+by-extension\n")
    for name in (".forward", ".forward+ext"):
        host.run("chown", "forwarder:forwarder", "/home/forwarder/" + name)
    world.mta.start()


def _send(world, to, subject, *options, user=None, sender="tester@smtp.example.com"):
    to = [to] if isinstance(to, str) else to
    world.mx.run("sendmail", *options, "-f", sender, *to, user=user, input=f"Subject: {subject}\n\nhello {subject}\n")


def _read(world, path):
    try:
        return world.mx.read(path)
    except FileNotFoundError:
        return ""


def _wait_text(world, path, text):
    return wait_for(lambda: (found := _read(world, path)) and text in found and found,
                    lambda: f"{text!r} in {path}; the log:\n{world.mta.log()[-3000:]}")


def scenario_mailbox_transport_and_command(world):
    _start(world)
    _send(world, "viatransport@smtp.example.com", "m1")
    world.mta.wait_log(r"to=<viatransport@smtp\.example\.com>, relay=none, .*dsn=2\.0\.0, status=sent \(here\)$")
    _send(world, "viacommand@smtp.example.com", "m2")
    world.mta.wait_log(
        r"to=<viacommand@smtp\.example\.com>, relay=local, .*dsn=2\.0\.0, status=sent \(delivered to command: /usr/bin/tee /tmp/out/command\)$")
    text = _wait_text(world, "/tmp/out/command", "hello m2")
    assert text.startswith("From tester@smtp.example.com  ") and "\nDelivered-To: viacommand@smtp.example.com\n" in text, text
    assert os.stat(world.mx.path("/tmp/out/command")).st_uid == int(world.mx.run("id", "-u", "viacommand").stdout)


def scenario_unknown_users(world):
    _start(world)
    _send(world, "nosuch@smtp.example.com", "u1")
    world.mta.wait_log(r"to=<nosuch@smtp\.example\.com>, relay=none, .*dsn=2\.0\.0, status=sent \(gone\)$")
    _send(world, "somebody@smtp.example.com", "u2")
    text = _wait_text(world, "/var/mail/tester", "hello u2")
    assert "\nDelivered-To: somebody@smtp.example.com\n" in text, text


def scenario_mailbox_places(world):
    _start(world)
    _send(world, "tester@home.example", "p1")
    world.mta.wait_log(r"postfix/home/local\[\d+\]: [0-9A-Z]+: to=<tester@home\.example>, .*status=sent \(delivered to maildir\)$")
    directory = world.mx.path("/home/tester/Maildir/new")
    names = os.listdir(directory)
    assert len(names) == 1, names
    with open(os.path.join(directory, names[0])) as file:
        assert "hello p1" in file.read()
    _send(world, "tester@spool.example", "p2")
    world.mta.wait_log(r"postfix/spooled/local\[\d+\]: [0-9A-Z]+: to=<tester@spool\.example>, .*status=sent \(delivered to maildir\)$")
    assert os.listdir(world.mx.path("/var/spool2/tester/new"))


def scenario_forward_file(world):
    _start(world)
    server = world.server()
    _send(world, "forwarder@smtp.example.com", "f1")
    _wait_text(world, "/var/mail/forwarder", "hello f1")
    _wait_text(world, "/tmp/out/forward", "hello f1")
    _wait_text(world, "/tmp/out/file", "hello f1")
    wait_for(lambda: server.messages, "the forwarded message")
    assert "\nDelivered-To: forwarder@smtp.example.com\r\n" in server.messages[0].content.replace("\r\nD", "\nD"), server.messages[0].content
    assert server.messages[0].sender == "tester@smtp.example.com"
    _send(world, "forwarder+ext@smtp.example.com", "f2")
    text = _wait_text(world, "/var/mail/tester", "hello f2")
    assert "\nDelivered-To: tester+by-extension@smtp.example.com\nReceived: by smtp.example.com (Postfix)\n" in text, text


def scenario_forwards_wait_for_what_is_tried_again(world):
    """A command says "later": the other addresses of the .forward file wait with it, else they would get a copy each time.
    A command that fails for good is reported, and the others get theirs."""
    _start(world)
    server = world.server()
    for program, status, copies in (("exit 75", "deferred", 0), ("exit 69", "bounced", 1)):
        mark = len(world.mta.log())
        world.mx.write("/home/forwarder/.forward", f"\"|{program}\", friend@externaladdress.com\n")
        _send(world, "forwarder@smtp.example.com", f"w{copies}")
        world.mta.wait_log(rf"to=<forwarder@smtp\.example\.com>, relay=local, .*status={status} ", after=mark)
        time.sleep(3)
        sent = re.findall(r"to=<friend@externaladdress\.com>.* status=", world.mta.log()[mark:])
        assert len(sent) == copies, (program, world.mta.log()[mark:])
        assert len(server.messages) == copies, (program, server.messages)
    world.mx.run("postsuper", "-d", "ALL")


def scenario_best_mx(world):
    """The best MX host is this server: best_mx_transport takes the message."""
    _start(world)
    _send(world, "tester@loop.example", "b1")
    world.mta.wait_log(r"to=<tester@loop\.example>, relay=local, .*dsn=2\.0\.0, status=sent \(delivered to mailbox\)$")
    _wait_text(world, "/var/mail/tester", "hello b1")


def scenario_spawn(world):
    _start(world)
    for _ in range(3):
        connection = world.mx.connect("127.0.0.1", 7777)
        connection.sendall(b"echo this\n")
        assert connection.makefile("rb").read() == b"echo this\n"
        connection.close()


def scenario_wrapper_mode(world):
    _start(world)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    secure = context.wrap_socket(world.mx.connect("127.0.0.1", 4650))
    file = secure.makefile("rwb")
    assert file.readline().startswith(b"220 smtp.example.com ESMTP")
    file.write(b"EHLO x\r\n")
    file.flush()
    lines = [file.readline() for _ in range(10)]
    assert not any(b"STARTTLS" in line for line in lines), lines
    secure.close()


def scenario_process_limit(world):
    """With a process limit of one the second client waits for the first one to leave."""
    _start(world)
    first = Client(world.mx, "127.0.0.1", 2626)
    second = Client(world.mx, "127.0.0.1", 2626, greeting=False)
    second.socket.settimeout(1)
    try:
        early = second.reply()
        raise AssertionError(f"the second client was greeted: {early}")
    except TimeoutError:
        pass
    second.socket.settimeout(30)
    second.file = second.socket.makefile("rb")
    first.quit()
    assert second.reply().startswith("220 "), "no greeting"
    second.quit()


def scenario_users_behind_a_chroot(world):
    """A chrooted server knows the users of the machine."""
    _start(world)
    client = Client(world.mx, "127.0.0.1", 2828)
    client.expect("HELO x", "250")
    client.expect("MAIL FROM:<a@example.net>", "250")
    client.expect("RCPT TO:<tester@smtp.example.com>", "250 2.1.5 Ok")
    client.expect("RCPT TO:<postmaster@smtp.example.com>", "250 2.1.5 Ok")
    client.expect("RCPT TO:<who-is-this@smtp.example.com>", "550 5.1.1 <who-is-this@smtp.example.com>: Recipient address rejected: "
                  "User unknown in local recipient table")
    client.quit()


def scenario_request_deadline(world):
    """smtpd_per_request_deadline: drops of input do not buy time, content at smtpd_min_data_rate does."""
    _start(world)
    client = Client(world.mx, "127.0.0.1", 2727)
    started = time.monotonic()
    answer = ""
    try:
        for byte in "NOOP this takes too long for anyone\r\n":
            client.send(byte)
            time.sleep(0.2)
        answer = client.reply()
    except OSError:
        answer = client.reply()
    assert answer == "421 4.4.2 smtp.example.com Error: timeout exceeded", answer
    assert time.monotonic() - started < 20
    client.close()

    client = Client(world.mx, "127.0.0.1", 2727)
    client.expect("HELO x", "250")
    client.expect("MAIL FROM:<tester@smtp.example.com>", "250")
    client.expect("RCPT TO:<tester@smtp.example.com>", "250")
    client.expect("DATA", "354")
    client.send("Subject: slow\r\n\r\n")
    for _ in range(6):
        client.send("x" * 30 + "\r\n")
        time.sleep(0.6)
    client.send(".\r\n")
    assert client.reply().startswith("250 2.0.0 Ok"), "slow content"
    client.quit()


def scenario_flush_a_site(world):
    """ETRN and `postqueue -s`."""
    _start(world)
    for how in ("ETRN", "postqueue"):
        _send(world, FRIEND, "e" + how)
        wait_for(lambda: [m for m in world.mta.queue() if m["queue_name"] == "deferred"], "the deferred message")
        # fast flush lists are written a moment after the deferral.
        time.sleep(1)
        server = world.server()
        if how == "ETRN":
            client = Client(world.mx, "127.0.0.1")
            client.expect("EHLO x", "250")
            client.expect("ETRN externaladdress.com", "250 Queuing started")
            client.quit()
        else:
            world.mx.run("postqueue", "-s", "externaladdress.com")
        wait_for(lambda: server.messages, lambda: f"the message after {how}; {world.mta.log()[-3000:]}")
        world.mta.wait_empty()
        world.close_servers()


def scenario_sendmail_verify(world):
    _start(world)
    done = world.mx.run("sendmail", "-bv", "tester@smtp.example.com", "x@bad.example", user="tester:tester")
    assert done.stdout == "Mail Delivery Status Report will be mailed to <tester>.\n", done.stdout
    text = _wait_text(world, "/var/mail/tester", "Subject: Mail Delivery Status Report")
    assert "\nAction: deliverable\nStatus: 2.0.0\n" in text and "\nAction: undeliverable\nStatus: 5.1.1\n" in text, text
    assert "\n<tester@smtp.example.com>: delivery via local: delivers to mailbox\n" in text, text
    assert "\nDiagnostic-Code: X-Postfix; delivery via local: delivers to mailbox\n" in text, text


def scenario_sendmail_queue_modes(world):
    _start(world)
    assert world.mx.run("sendmail", "-bp").stdout == "Mail queue is empty\n"
    _send(world, FRIEND, "q1")
    wait_for(lambda: [m for m in world.mta.queue() if m["queue_name"] == "deferred"], "the deferred message")
    listed = world.mx.run("sendmail", "-bp").stdout
    assert FRIEND in listed and "in 1 Request." in listed, listed
    server = world.server()
    world.mx.run("sendmail", "-q")
    wait_for(lambda: server.messages, "the message after sendmail -q")
    os.unlink(world.mx.path("/etc/aliases.db"))
    world.mx.run("sendmail", "-bi")
    assert os.path.exists(world.mx.path("/etc/aliases.db"))


def scenario_sendmail_dsn_options(world):
    _start(world)
    seen = []

    def script(stage, argument):
        if stage in ("MAIL", "RCPT"):
            seen.append(argument)
    server = world.server(script)
    _send(world, FRIEND, "d1", "-N", "success,delay", "-R", "hdrs", "-V", "id+1", "-B", "8BITMIME")
    wait_for(lambda: server.messages, "the message")
    assert re.fullmatch(r"MAIL FROM:<tester@smtp\.example\.com> SIZE=\d+ BODY=8BITMIME ENVID=id\+2B1 RET=HDRS", seen[0]), seen
    assert seen[1] == f"RCPT TO:<{FRIEND}> ORCPT=rfc822;{FRIEND} NOTIFY=SUCCESS,DELAY", seen


def scenario_verp(world):
    """Each recipient sees a sender address of its own, and bounces come back to it one by one."""
    _start(world)
    server = world.server()
    _send(world, ["a@externaladdress.com", "b@externaladdress.com", "c@bad.example", "d@bad.example"], "v1", "-XV")
    wait_for(lambda: len(server.messages) == 2, "two messages")
    assert {(m.sender, m.recipients[0]) for m in server.messages} == {
        (f"tester+{name}=externaladdress.com@smtp.example.com", f"{name}@externaladdress.com") for name in "ab"}
    for name in "cd":
        text = _wait_text(world, "/var/mail/tester", f"\nTo: tester+{name}=bad.example@smtp.example.com\n")
        assert text.count(f"\nFinal-Recipient: rfc822; {name}@bad.example\n") == 1, text
    assert "\nX-Postfix-Sender: rfc822; tester@smtp.example.com\n" in text, text
    done = world.mx.run("sendmail", "-XV", "-f", "", FRIEND, input="x", check=False)
    assert done.returncode == 75 and done.stdout == "sendmail: fatal: (0): -V option requires non-null sender address\n", done.stdout
