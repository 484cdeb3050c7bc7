"""Those we depend on hang: DNS, Dovecot, spamd, a database server, each stopped with SIGSTOP. Mail is put off with the right words,
other mail goes on, and all is well when they go on, without a restart."""

import os
import re
import signal
import time

from lab.host import sh
from lab.mta import mailbox, wait_mail
from lab.smtp import message, wait_for
from scenarios.crash import _unlimited
from scenarios.tables import _start_postgresql, _stop


def _mutate(name, text):
    text = _unlimited(name, text)
    if name == "main.cf":
        # The article's mailboxes of example.com go through spamd, those of foobar.com over LMTP.
        text += ("transport_maps = inline:{foobar.com=lmtp:unix:private/dovecot-lmtp}\n"
                 "lmtp_connect_timeout = 2s\nlmtp_lhlo_timeout = 2s\nlmtp_data_done_timeout = 5s\nminimal_backoff_time = 1s\n"
                 "maximal_backoff_time = 2s\nqueue_run_delay = 1s\ntransport_retry_time = 1s\n")
    return text


WORLD = {"mutate": _mutate}


class _Stopped:
    """Programs of a host that stand still."""

    def __init__(self, host, pattern):
        self.pids = []
        for pid in sh("ip", "netns", "pids", host.name).split():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if pattern.encode() in file.read():
                        self.pids.append(int(pid))
            except OSError:
                pass
        assert self.pids, f"no {pattern} runs"

    def __enter__(self):
        self._signal(signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        for pid in self.pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass


def _send(world, subject, to, source="198.51.100.10"):
    client = world.greeted(source)
    answer = client.mail("someone@example.net", [to], message(subject, to=to))
    client.quit()
    assert answer.startswith("250 "), answer
    return answer.rsplit(" ", 1)[1]


def _flush_until(world, condition, what):
    def met():
        if condition():
            return True
        world.mx.run("postfix", "flush")
        time.sleep(0.3)
        return False
    wait_for(met, lambda: f"{what}\n{world.mta.log()[-2500:]}", 60)


def scenario_dns(world):
    """Clients are put off, mail for outside is deferred; then both go."""
    server = world.server()
    with _Stopped(world.outside, "unbound"):
        mark = len(world.mta.log())
        client = world.client(timeout=100)
        client.expect("EHLO out.example.net", "250-")
        client.expect("MAIL FROM:<someone@example.net>", "250 ")
        answer = client.command("RCPT TO:<foo@example.com>")
        assert re.match(r"450 4\.7\.1 <out\.example\.net>: Helo command rejected: Host not found", answer), answer
        client.quit()
        world.mta.wait_log(r"NOQUEUE: reject: RCPT from unknown\[198\.51\.100\.10\]: 450 4\.7\.1", after=mark)
        # The server's own name may be in its cache, that of another domain is not.
        world.mx.run("sendmail", "-f", "foo@example.com", "someone@two.example", input=message("dns1"))
        world.mta.wait_log(r"to=<someone@two\.example>, relay=none, .* dsn=4\.4\.3, status=deferred \(Host or domain name not found\. "
                           r"Name service error for name=two\.example type=MX: Host not found, try again\)", 60, after=mark)
        print(f"     {answer}", flush=True)
    _send(world, "dns2", "foo@example.com")
    wait_mail(world.mx, "foo@example.com", "dns2")
    _flush_until(world, lambda: any("Subject: dns1" in m.content for m in server.messages), "the mail that waited for DNS")
    world.mta.wait_empty()


def scenario_spamd(world):
    """A filter command waits for spamd; mail for others goes on meanwhile; nothing is lost or given up in its time limit."""
    with _Stopped(world.mx, "spamd"):
        queue_id = _send(world, "spamd1", "foo@example.com")
        _send(world, "spamd2", "user42@foobar.com")
        wait_mail(world.mx, "user42@foobar.com", "spamd2", 10)
        assert queue_id in [m["queue_id"] for m in world.mta.queue() if m["queue_name"] == "active"], world.mta.queue()
    wait_mail(world.mx, "foo@example.com", "spamd1")
    world.mta.wait_empty()


def scenario_dovecot_lmtp(world):
    """LMTP without an answer: deferred; mail for others goes on meanwhile."""
    with _Stopped(world.mx, "dovecot"):
        # lmtp processes that wait for clients, too.
        queue_id = _send(world, "lmtp1", "user42@foobar.com")
        world.mta.wait_log(rf"{queue_id}: to=<user42@foobar\.com>, relay=smtp\.example\.com\[private/dovecot-lmtp\], .*dsn=4\.4\.2, status=deferred "
                           r"\(conversation with smtp\.example\.com\[private/dovecot-lmtp\] timed out while receiving the initial server greeting\)")
    _flush_until(world, lambda: any("\nSubject: lmtp1\n" in text for text in mailbox(world.mx, "user42@foobar.com")), "the mail that waited for Dovecot")
    world.mta.wait_empty()


def scenario_dovecot_auth(world):
    """AUTH without an answer: 454 in bounded time, and the session is told; then logins work."""
    world.submission("user42@foobar.com").quit()
    mark = len(world.mta.log())
    with _Stopped(world.mx, "dovecot"):
        client = world.submission()
        client.socket.settimeout(150)
        began = time.monotonic()
        answer = client.login("user42@foobar.com", "pass42")
        assert answer.startswith("454 4.7.0 Temporary authentication failure"), answer
        print(f"     {answer} after {time.monotonic() - began:.0f} s", flush=True)
        world.mta.wait_log(r"warning: out\.example\.net\[198\.51\.100\.10\]: SASL PLAIN authentication failed", after=mark)
        client.close()
    wait_for(lambda: _login(world), lambda: f"a login\n{world.mta.log()[-2000:]}", 30)


# Debian's smtpd asks for the mechanisms before it greets, and waits.
scenario_dovecot_auth.only_for = ("apus",)


def _login(world):
    client = world.submission()
    try:
        return client.login("user42@foobar.com", "pass42").startswith("235 ")
    finally:
        client.close()


def scenario_database(world):
    """A PostgreSQL server that hangs behind virtual_alias_maps: 451 and a line in the log, others' sessions go on; then it works."""
    _start_postgresql(world)
    world.mx.run("psql", "-h", "127.0.0.1", "-U", "postgres", "-q", input="CREATE TABLE alias (address text, goto text); INSERT INTO alias VALUES ('db@example.com', 'foo@example.com');")
    world.mx.write("/etc/postfix/pgsql-alias.cf", "hosts = inet:127.0.0.1\nuser = postgres\npassword = x\ndbname = postgres\nquery = SELECT goto FROM alias WHERE address = '%s'\n")
    main = world.mx.read("/etc/postfix/main.cf")
    world.mx.write("/etc/postfix/main.cf", main.replace("virtual_alias_maps = hash:/etc/postfix/virtual", "virtual_alias_maps = pgsql:/etc/postfix/pgsql-alias.cf"))
    world.mx.run("postfix", "reload")

    def asked():
        return _try(world, "db0") and re.search(r"to=<foo@example\.com>, orig_to=<db@example\.com>", world.mta.log())
    wait_for(asked, lambda: f"the database to be asked\n{world.mta.log()[-2000:]}")
    mark = len(world.mta.log())
    try:
        with _Stopped(world.mx, "/srv/pg"), _Stopped(world.mx, "postgres: "):
            client = world.greeted()
            client.socket.settimeout(200)
            client.expect("MAIL FROM:<someone@example.net>", "250 ")
            began = time.monotonic()
            client.send("RCPT TO:<db@example.com>\r\n")
            # Another session is not held up.
            other = world.greeted()
            other.expect("NOOP", "250 ")
            other.quit()
            answer = client.reply()
            assert answer.startswith("451 4.3.0 <db@example.com>: Temporary lookup failure"), answer
            print(f"     {answer} after {time.monotonic() - began:.0f} s", flush=True)
            world.mta.wait_log(r"warning: .*pgsql", after=mark)
            client.close()
        wait_for(lambda: _try(world, "db1"), lambda: f"the database to be asked again\n{world.mta.log()[-2000:]}", 60)
        wait_mail(world.mx, "foo@example.com", "db1")
    finally:
        world.mx.write("/etc/postfix/main.cf", main)
        world.mx.run("postfix", "reload")
        _stop(world, "/srv/pg", signal.SIGKILL)


# Servers of tables, by type: what each table's file says, or where the table's own name says it all.
SILENT = {
    "mysql": "hosts = inet:127.0.0.1:7001\nuser = x\npassword = x\ndbname = x\nquery = SELECT 1\n",
    "pgsql": "hosts = inet:127.0.0.1:7001\nuser = x\npassword = x\ndbname = x\nquery = SELECT 1\n",
    "ldap": "server_host = ldap://127.0.0.1:7001\nsearch_base = dc=x\nquery_filter = mail=%s\nresult_attribute = x\ntimeout = 3\nbind = no\nversion = 3\n",
    "memcache": "memcache = inet:127.0.0.1:7001\ntimeout = 2\nmax_try = 1\n",
    "tcp": None, "socketmap": None,
}


def scenario_databases_that_say_nothing(world):
    """Each type of server behind virtual_alias_maps takes the connection and says nothing: a 4xx in bounded time and a line
    in the log, and mail for others is taken and delivered meanwhile."""
    listener = world.mx.listen("127.0.0.1", 7001)
    # A service of its own asks the table, so that the others show whether the process goes on.
    master = world.mx.read("/etc/postfix/master.cf")
    names = {"tcp": "tcp:127.0.0.1:7001", "socketmap": "socketmap:inet:127.0.0.1:7001:x"}
    lines = []
    for number, (kind, text) in enumerate(SILENT.items()):
        if text:
            world.mx.write(f"/etc/postfix/silent-{kind}.cf", text)
        table = names.get(kind, f"{kind}:/etc/postfix/silent-{kind}.cf")
        lines.append(f"192.0.2.1:{7100 + number} inet n - n - - smtpd\n    -o virtual_alias_maps={table}\n")
    world.mx.write("/etc/postfix/master.cf", master + "".join(lines))
    try:
        mark = len(world.mta.log())
        world.mx.run("postfix", "reload")
        waiting = {}
        for number, kind in enumerate(SILENT):
            wait_for(lambda: _answers(world, 7100 + number), f"the service of {kind}")
            client = world.greeted(port=7100 + number)
            client.socket.settimeout(200)
            client.expect("MAIL FROM:<someone@example.net>", "250 ")
            client.send("RCPT TO:<foo@example.com>\r\n")
            waiting[kind] = client
        began = time.monotonic()
        _send(world, "beside-silence", "foo@example.com")
        wait_mail(world.mx, "foo@example.com", "beside-silence", 10)
        assert time.monotonic() - began < 2, "others had to wait"
        # The fastest first: whoever waits for a database is told in its own time.
        for kind in ("memcache", "ldap", "mysql", "pgsql", "tcp", "socketmap"):
            answer = waiting[kind].reply()
            print(f"     {kind}: {answer} after {time.monotonic() - began:.0f} s", flush=True)
            assert answer.startswith("451 4.3.0 <foo@example.com>: Temporary lookup failure"), (kind, answer)
            assert time.monotonic() - began < 150, kind
            waiting[kind].close()
            world.mta.wait_log(rf"warning: .*{kind}.*(silent-{kind}|127\.0\.0\.1:7001)", after=mark)
    finally:
        listener.close()
        world.mx.write("/etc/postfix/master.cf", master)
        world.mx.run("postfix", "reload")


def _answers(world, port):
    try:
        world.client(port, timeout=5).close()
        return True
    except OSError:
        return False


# libmariadb and libpq wait for ever in Debian's Postfix, which has no packages for the others here.
scenario_databases_that_say_nothing.only_for = ("apus",)


def _try(world, subject):
    client = world.greeted()
    try:
        client.expect("MAIL FROM:<someone@example.net>", "250 ")
        if not client.command("RCPT TO:<db@example.com>").startswith("250 "):
            return False
        return client.content(message(subject)).startswith("250 ")
    finally:
        client.close()


# libpq waits for ever in Debian's Postfix.
scenario_database.only_for = ("apus",)
