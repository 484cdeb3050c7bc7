"""Tables at work in the running server: database servers that hang, die, come back or say too much, and a large table that
is rebuilt while many sessions ask."""

import os
import random
import re
import threading
import time

from lab.databases import MariaDB, OpenLDAP, PostgreSQL
from lab.host import sh
from lab.smtp import message, wait_for

WORLD = {"dovecot": False, "spamd": False, "article": False}
START = False

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAIN = """compatibility_level = 3.6
myhostname = smtp.example.com
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
relayhost = [198.51.100.25]
smtp_host_lookup = native
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
minimal_backoff_time = 10
default_process_limit = 300
"""


def _start(world, settings):
    if world.mta.running():
        world.mta.stop()
    world.mx.write("/etc/postfix/main.cf", MAIN + settings)
    with open(os.path.join(ROOT, "Documentation/example/master.cf")) as file:
        world.mx.write("/etc/postfix/master.cf", file.read())
    world.mx.write("/etc/mailname", "smtp.example.com\n")
    world.mta.start()


def _session(world):
    client = world.greeted()
    client.expect("MAIL FROM:<someone@example.net>", "250 ")
    return client


def _recipient(world, address):
    """The answer to one recipient in a session of its own, and how long it took."""
    client = _session(world)
    # An answer about a server that hangs is late.
    client.socket.settimeout(120)
    started = time.monotonic()
    answer = client.command(f"RCPT TO:<{address}>")
    client.quit()
    return answer, time.monotonic() - started


def _expect(world, address, start):
    answer, seconds = _recipient(world, address)
    assert answer.startswith(start), (address, answer)
    return seconds


# The domain of a kind's recipients is kind.example; `foo` is one, `none` is none, `many` has more values than allowed.
RECIPIENTS = "create table people (address varchar(100), name varchar(100));" + "".join(
    f"insert into people values ('{name}@{kind}.example', '{value}');"
    for kind in ("pgsql", "mysql") for name, value in (("foo", "x"), ("many", "a"), ("many", "b")))
TABLES = {
    "pgsql": ("query = SELECT name FROM people WHERE address='%s'\nretry_interval = 1\n",
              "query = SELECT 'smtp:[198.51.100.25]' WHERE '%s' <> ''\nretry_interval = 1\n"),
    "mysql": ("query = SELECT name FROM people WHERE address='%s'\nretry_interval = 1\n",
              "query = SELECT 'smtp:[198.51.100.25]' FROM people WHERE '%s' <> '' LIMIT 1\nretry_interval = 1\n"),
    "ldap": ("query_filter = (mail=%s)\nresult_attribute = mail\ntimeout = 5\n",
             "query_filter = (cn=foo)\nresult_attribute = cn\nresult_format = smtp:[198.51.100.25]\ntimeout = 5\n"),
}
KINDS = list(TABLES)
DOMAINS = ", ".join(f"{kind}.example" for kind in KINDS) + ", free.example"


def _servers(world):
    servers = [server(world.mx) for server in (PostgreSQL, MariaDB, OpenLDAP)]
    for server in servers:
        recipients, route = TABLES[server.kind]
        settings = server.settings + f"domain = {server.kind}.example\n"
        world.mx.write(f"/etc/postfix/{server.kind}.cf", settings + "expansion_limit = 1\n" + recipients)
        world.mx.write(f"/etc/postfix/{server.kind}-route.cf", settings + route)
        if server.kind == "ldap":
            server.load({"foo": ["foo@ldap.example"], "many": ["many@ldap.example", "b@ldap.example"]})
        server.start()
        if server.kind != "ldap":
            server.run(RECIPIENTS)
    return servers


def _failure(kind):
    return f"451 4.3.0 <foo@{kind}.example>: Temporary lookup failure"


def _each(world, expected, names=KINDS, name="foo"):
    for kind in names:
        _expect(world, f"{name}@{kind}.example", expected(kind) if callable(expected) else expected)


def _again(world, what):
    for kind in KINDS:
        wait_for(lambda kind=kind: _recipient(world, f"foo@{kind}.example")[0].startswith("250 "), f"{kind} {what}", 90, 0.5)


def scenario_database_servers_that_fail(world):
    """Recipients in PostgreSQL, MariaDB and a directory: too many rows, a server that hangs, that dies, that comes back.
    Whoever needs the table is told to come again; who does not, notices nothing. Then the same for routes."""
    servers = _servers(world)
    lists = ", ".join(f"{kind}:/etc/postfix/{kind}.cf" for kind in KINDS)
    _start(world, f"relay_domains = {DOMAINS}\nrelay_recipient_maps = inline:{{ ok@free.example=x }}, {lists}\n")
    _each(world, "250 ")
    _each(world, "550 5.1.1 ", name="none")
    _each(world, lambda kind: f"451 4.3.0 <many@{kind}.example>: Temporary lookup failure", name="many")
    for kind in KINDS:
        world.mta.wait_log(rf"warning: .*Expansion limit exceeded for key: 'many@{kind}\.example'")
    _expect(world, "ok@free.example", "250 ")

    # They hang: who asks them waits, the others do not. Postfix' process would wait for hours.
    if world.mta.kind == "apus":
        _hang(world, servers)

    # They die, and come back.
    for server in servers:
        server.kill()
    _each(world, _failure)
    for kind in KINDS:
        world.mta.wait_log(rf"warning: {kind}:/etc/postfix/{kind}\.cf lookup error for \"foo@{kind}\.example\"")
    _expect(world, "ok@free.example", "250 ")
    for server in servers:
        server.start()
    if world.mta.kind == "postfix":
        # Its 3.7 leaves a host alone for a minute.
        world.mta.reload()
    _again(world, "after its restart")
    _routes(world, servers)
    world.mta.stop()
    for server in servers:
        server.kill()


def _hang(world, servers):
    for server in servers:
        server.hang()
    answers = {}

    def ask(kind):
        answers[kind] = _recipient(world, f"foo@{kind}.example")
    waiting = [threading.Thread(target=ask, args=(kind,)) for kind in KINDS]
    for thread in waiting:
        thread.start()
    for _ in range(20):
        seconds = _expect(world, "ok@free.example", "250 ")
        assert seconds < 2, seconds
    for thread in waiting:
        thread.join(110)
    for kind in KINDS:
        assert answers.get(kind, ("nothing",))[0] == _failure(kind), (kind, answers)
        world.mta.wait_log(rf"warning: {kind}:/etc/postfix/{kind}\.cf lookup error for \"foo@{kind}\.example\"")
    for server in servers:
        server.resume()
    _again(world, "after its pause")


def _routes(world, servers):
    """The route of a domain is in the database: its mail waits there, the other domain's does not."""
    outside = world.server()
    routes = ", ".join(f"{kind}:/etc/postfix/{kind}-route.cf" for kind in KINDS)
    _start(world, f"relay_domains = {DOMAINS}\nrelay_recipient_maps =\ntransport_maps = {routes}\n")
    for server in servers:
        server.kill()
    waiting = [f"foo@{kind}.example" for kind in KINDS]
    for name in [*waiting, "ok@free.example"]:
        world.mx.run("sendmail", "-f", "s@example.net", name, input=message(f"to {name}"))
    wait_for(lambda: [m for m in outside.messages if m.recipients == ["ok@free.example"]], "the mail that needs no table")
    for kind in KINDS:
        world.mta.wait_log(rf"to=<foo@{kind}\.example>.* status=deferred \(.*")
    for server in servers:
        server.start()
    if world.mta.kind == "postfix":
        world.mta.reload()

    def delivered():
        world.mx.run("postqueue", "-f")
        return {m.recipients[0] for m in outside.messages} >= set(waiting)
    wait_for(delivered, "the mail after the restart", 60, 1)
    world.mta.wait_empty()


KEYS = 1_000_000
SESSIONS = 200


def _memory(world):
    """KiB of the process that takes mail."""
    total = 0
    for pid, name in world.mta.processes().items():
        if name == "receive":
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += int(re.search(r"^Pss: +(\d+)", file.read(), re.M).group(1))
    return total


def scenario_a_large_table_is_rebuilt(world):
    """A million keys in a hash table, rebuilt in place by Debian's postmap while two hundred sessions ask: never a wrong
    answer, and no more memory than the sessions take."""
    folder = world.mx.path("/srv/tables")
    os.makedirs(folder)
    open(f"{folder}/main.cf", "w").close()

    def build(edition):
        with open(f"{folder}/big.new", "w") as file:
            file.writelines(f"user{n}@big.example\t{edition}\n" for n in range(KEYS))
        os.rename(f"{folder}/big.new", f"{folder}/big")
        sh("/usr/sbin/postmap", "-c", folder, f"hash:{folder}/big")
    build("first")
    _start(world, "relay_domains = big.example\nrelay_recipient_maps = hash:/srv/tables/big\n"
           "smtpd_recipient_limit = 100000\n")
    _expect(world, "user7@big.example", "250 ")
    before = _memory(world)
    wrong, asked, stopping = [], [0] * SESSIONS, threading.Event()

    def ask(number):
        chosen = random.Random(number)
        try:
            client = _session(world)
            client.socket.settimeout(90)
            while not stopping.is_set():
                exists = chosen.random() < 0.7
                key = f"user{chosen.randrange(KEYS) if exists else KEYS + chosen.randrange(KEYS)}@big.example"
                answer = client.command(f"RCPT TO:<{key}>")
                if not answer.startswith("250 2.1.5 " if exists else "550 5.1.1 "):
                    wrong.append((key, answer))
                asked[number] += 1
                if asked[number] % 200 == 0:
                    client.expect("RSET", "250 ")
                    client.expect("MAIL FROM:<someone@example.net>", "250 ")
                # The answers matter, not their number: postmap needs the processor too.
                stopping.wait(0.2)
            client.quit()
        except (OSError, AssertionError) as error:
            wrong.append((number, repr(error)))
    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    wait_for(lambda: all(count >= 5 for count in asked) or wrong, "the first answers", 60)
    build("second")
    reached = [count + 5 for count in asked]
    wait_for(lambda: all(count >= goal for count, goal in zip(asked, reached)) or wrong, "answers from the new table", 60)
    after = _memory(world)
    stopping.set()
    for thread in threads:
        thread.join(90)
    size = os.path.getsize(f"{folder}/big.db") >> 10
    print(f"  {sum(asked)} answers; receive grew from {before} to {after} KiB; the table has {size} KiB", flush=True)
    assert not wrong, wrong[:5]
    assert after - before < min(size // 3, 30_000), (before, after, size)
    world.mta.stop()


scenario_a_large_table_is_rebuilt.only_for = ("apus",)
