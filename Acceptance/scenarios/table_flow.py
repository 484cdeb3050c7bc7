"""Tables at work in the running server: database servers that hang, die, come back or say too much, and a large table that
is rebuilt while many sessions ask."""

import os
import random
import re
import signal
import threading
import time

from lab.host import sh
from lab.smtp import message, wait_for
from scenarios.tables import SCHEMA, _start_postgresql, _stop, _stop_postgresql

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
    started = time.monotonic()
    answer = client.command(f"RCPT TO:<{address}>")
    client.quit()
    return answer, time.monotonic() - started


def _expect(world, address, start):
    answer, seconds = _recipient(world, address)
    assert answer.startswith(start), (address, answer)
    return seconds


FAILURE = "451 4.3.0 <foo@pg.example>: Temporary lookup failure"


def scenario_a_database_server_that_fails(world):
    """A table in PostgreSQL: too many rows, a server that hangs, that dies, that comes back. Whoever needs the table is told
    to come again; who does not, notices nothing."""
    _start_postgresql(world)
    world.mx.run("psql", "-h", "127.0.0.1", "-U", "postgres", "-q", input=SCHEMA.replace("example.com", "pg.example"))
    settings = ("hosts = 127.0.0.1\nuser = postgres\ndbname = postgres\nretry_interval = 1\ndomain = pg.example\n")
    query = "query = SELECT goto FROM alias WHERE address='%s' UNION SELECT maildir FROM mailbox WHERE username='%s'\n"
    world.mx.write("/etc/postfix/pg.cf", settings + "expansion_limit = 1\n" + query)
    world.mx.write("/etc/postfix/route.cf", settings + "query = SELECT 'smtp:[198.51.100.25]' WHERE '%s' <> ''\n")
    _start(world, "relay_domains = pg.example, free.example\n"
           "relay_recipient_maps = inline:{ ok@free.example=x }, pgsql:/etc/postfix/pg.cf\n")
    _expect(world, "foo@pg.example", "250 ")
    _expect(world, "none@pg.example", "550 5.1.1 ")
    _expect(world, "many@pg.example", "451 4.3.0 <many@pg.example>: Temporary lookup failure")
    world.mta.wait_log(r"warning: .*Expansion limit exceeded for key: 'many@pg\.example'")
    _expect(world, "ok@free.example", "250 ")

    # It hangs: one session waits, the others do not. libpq would let Postfix' process wait for hours.
    if world.mta.kind == "apus":
        _stop(world, "/srv/pg", signal.SIGSTOP)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(_recipient(world, "foo@pg.example")))
        waiting.start()
        for _ in range(20):
            seconds = _expect(world, "ok@free.example", "250 ")
            assert seconds < 2, seconds
        waiting.join(100)
        assert answers and answers[0][0] == FAILURE, answers
        world.mta.wait_log(r"warning: pgsql:/etc/postfix/pg\.cf lookup error for \"foo@pg\.example\"")
        _stop(world, "/srv/pg", signal.SIGCONT)
        wait_for(lambda: _recipient(world, "foo@pg.example")[0].startswith("250 "), "PostgreSQL after its pause", 60)

    # It dies, and comes back.
    _stop_postgresql(world)
    _expect(world, "foo@pg.example", FAILURE)
    _expect(world, "ok@free.example", "250 ")
    _start_postgresql(world)
    if world.mta.kind == "postfix":
        # Its 3.7 leaves a host alone for a minute.
        world.mta.reload()
    wait_for(lambda: _recipient(world, "foo@pg.example")[0].startswith("250 "), "PostgreSQL after its restart", 60)

    # The route of a domain is in the database: its mail waits there, the other domain's does not.
    server = world.server()
    _start(world, "relay_domains = pg.example, free.example\nrelay_recipient_maps =\n"
           "transport_maps = pgsql:/etc/postfix/route.cf\n")
    _stop_postgresql(world)
    for name in ("foo@pg.example", "ok@free.example"):
        world.mx.run("sendmail", "-f", "s@example.net", name, input=message(f"to {name}"))
    wait_for(lambda: [m for m in server.messages if m.recipients == ["ok@free.example"]], "the mail that needs no table")
    world.mta.wait_log(r"to=<foo@pg\.example>.* status=deferred \(.*")
    _start_postgresql(world)
    if world.mta.kind == "postfix":
        world.mta.reload()

    def delivered():
        world.mx.run("postqueue", "-f")
        return any(m.recipients == ["foo@pg.example"] for m in server.messages)
    wait_for(delivered, "the mail after the restart", 60)
    world.mta.wait_empty()
    world.mta.stop()
    _stop_postgresql(world)


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
            client.quit()
        except (OSError, AssertionError) as error:
            wrong.append((number, repr(error)))
    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    wait_for(lambda: all(count >= 5 for count in asked) or wrong, "the first answers", 60)
    for edition in ("second", "third"):
        build(edition)
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
