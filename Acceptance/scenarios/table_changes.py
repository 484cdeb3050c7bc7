"""Table files that change under the running server: rebuilt, replaced, removed, cut off; by Apus' postmap and by Debian's."""

import os
import random
import re

from lab.host import sh
from lab.smtp import wait_for

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
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_error_sleep_time = 0
"""
FOLDER = "/srv/tables"
BUILT = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
# Read once, by processes that live for a while (DATABASE_README).
READ_ONCE = {"texthash": "{}@x.example ok\n", "regexp": "/^{}@x\\.example$/ ok\n", "pcre": "/^{}@x\\.example$/ ok\n"}
KINDS = [*BUILT, *READ_ONCE, "sqlite"]


def _put(world, kind, name, postmap=None):
    """Makes `name` the only recipient in the table of a kind. The file is replaced, unless `postmap` writes it."""
    source = world.mx.path(f"{FOLDER}/{kind}")
    if kind == "sqlite":
        world.mx.run("sqlite3", f"{FOLDER}/db", input=f"begin; delete from t; insert into t values ('{name}@{kind}.example'); commit;")
        return
    text = READ_ONCE.get(kind, "{}@x.example ok\n").replace("x.example", f"{kind}.example").replace("x\\.example", f"{kind}\\.example")
    with open(source + ".new", "w") as file:
        file.write(text.format(name))
    os.rename(source + ".new", source)
    if kind in BUILT:
        (postmap or _own_postmap(world))(kind)


def _own_postmap(world):
    return lambda kind: world.mx.run("postmap", f"{kind}:{FOLDER}/{kind}")


def _debians_postmap(world):
    folder = world.mx.path(FOLDER)
    return lambda kind: sh("/usr/sbin/postmap", "-c", folder, f"{kind}:{folder}/{kind}")


def _start(world):
    if world.mta.running():
        world.mta.stop()
    os.makedirs(world.mx.path(FOLDER), exist_ok=True)
    open(world.mx.path(f"{FOLDER}/main.cf"), "w").close()
    world.mx.write(f"{FOLDER}/sqlite", f"dbpath = {FOLDER}/db\nquery = SELECT 'ok' FROM t WHERE k='%s'\n")
    world.mx.run("sqlite3", f"{FOLDER}/db", "drop table if exists t; create table t (k)")
    world.mx.run("chmod", "644", f"{FOLDER}/db")
    for kind in KINDS:
        _put(world, kind, "first")
    tables = ", ".join(f"{kind}:{FOLDER}/{kind}" for kind in KINDS)
    domains = ", ".join(f"{kind}.example" for kind in KINDS)
    world.mx.write("/etc/postfix/main.cf", f"{MAIN}relay_domains = {domains}\nrelay_recipient_maps = {tables}\n")
    with open(os.path.join(ROOT, "Documentation/example/master.cf")) as file:
        world.mx.write("/etc/postfix/master.cf", file.read())
    world.mx.write("/etc/mailname", "smtp.example.com\n")
    world.mta.start()


def _answer(world, name, kind):
    client = world.greeted()
    client.expect("MAIL FROM:<s@example.net>", "250 ")
    answer = client.command(f"RCPT TO:<{name}@{kind}.example>")
    client.quit()
    return answer


def _wait(world, name, kind, start):
    wait_for(lambda: _answer(world, name, kind).startswith(start),
             lambda: f"{start} for {name}@{kind}.example: {_answer(world, name, kind)}; the log:\n{world.mta.log()[-2000:]}", 30, 0.2)


def scenario_tables_are_rebuilt(world):
    """A new session has the new table, whoever built it: at once, or after a reload where the file is read once."""
    _start(world)
    names = ["second", "third", "fourth"]
    for postmap, name, old in zip((_own_postmap(world), _debians_postmap(world), _own_postmap(world)), names, ["first", *names]):
        for kind in KINDS:
            assert _answer(world, old, kind).startswith("250 "), (kind, old)
            _put(world, kind, name, postmap)
            if kind not in READ_ONCE:
                _wait(world, name, kind, "250 2.1.5 ")
                _wait(world, old, kind, "550 5.1.1 ")
        world.mta.reload()
        for kind in READ_ONCE:
            _wait(world, name, kind, "250 2.1.5 ")
            _wait(world, old, kind, "550 5.1.1 ")
    world.mta.stop()


def scenario_tables_are_replaced(world):
    """With mv, as DATABASE_README has it."""
    _start(world)
    for kind, suffix in BUILT.items():
        assert _answer(world, "first", kind).startswith("250 ")
        folder = world.mx.path(FOLDER)
        with open(f"{folder}/{kind}.in", "w") as file:
            file.write(f"moved@{kind}.example ok\n")
        world.mx.run("postmap", f"{kind}:{FOLDER}/{kind}.in")
        os.rename(f"{folder}/{kind}.in{suffix}", f"{folder}/{kind}{suffix}")
        _wait(world, "moved", kind, "250 2.1.5 ")
        _wait(world, "first", kind, "550 5.1.1 ")
    world.mta.stop()


def scenario_tables_are_removed(world):
    """Whoever needs the table is told to come again, others notice nothing; then it is back."""
    for kind, suffix in BUILT.items():
        _start(world)
        assert _answer(world, "first", kind).startswith("250 ")
        os.unlink(world.mx.path(f"{FOLDER}/{kind}{suffix}"))
        if kind == "cdb" and world.mta.kind == "postfix":
            # Its process keeps the file that it has.
            world.mta.reload()
        _wait(world, "first", kind, f"451 4.3.0 <first@{kind}.example>: Temporary lookup failure")
        world.mta.wait_log(rf"{kind}:{FOLDER}/{kind} is unavailable. open database {FOLDER}/{kind}{suffix}: No such file or directory")
        _put(world, kind, "back")
        world.mta.reload()
        _wait(world, "back", kind, "250 2.1.5 ")
    world.mta.stop()


def scenario_tables_are_cut_off(world):
    """A file that ends early is a table that cannot answer, not one without entries, and it ends no process."""
    for kind, suffix in BUILT.items():
        _start(world)
        path = world.mx.path(f"{FOLDER}/{kind}{suffix}")
        assert _answer(world, "first", kind).startswith("250 ")
        before = world.mta.processes()
        for size in (0, 1000, None):
            with open(path, "r+b") as file:
                file.truncate(os.path.getsize(path) // 2 if size is None else size)
            answer = _answer(world, "first", kind)
            assert re.match(r"250 2\.1\.5 |451 4\.3\.0 ", answer), (kind, size, answer)
            world.mta.reload()
            _wait(world, "first", kind, "451 4.3.0 ")
            if kind == "lmdb":
                # LMDB opens no file that it does not know, not even to empty it.
                os.unlink(path)
            _put(world, kind, "first")
            world.mta.reload()
            _wait(world, "first", kind, "250 2.1.5 ")
        assert before.keys() & world.mta.processes().keys(), "the master process goes on"
        assert not re.search(r"exit status|killed by signal", world.mta.log()), world.mta.log()[-3000:]
    world.mta.stop()


# Debian's libraries end their process over such files.
scenario_tables_are_cut_off.only_for = ("apus",)


def _entries(seed):
    chosen = random.Random(seed)
    words = ["user", "Ünï", "straße", "a b", "x" * 200, '"q r"', "k=v", "日本"]
    return {f"{chosen.choice(words).replace(' ', '_')}{number}@x.example": f"{chosen.choice(words)} {number}" for number in range(600)}


def scenario_both_postmaps_work_on_a_file(world):
    """What one builds, the other lists, adds to and deletes from."""
    folder = world.mx.path(FOLDER)
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/main.cf", "w").close()

    def own(*arguments, **options):
        return world.mx.run("postmap", "-c", FOLDER, *arguments, **options).stdout

    def debians(*arguments, **options):
        return sh("/usr/sbin/postmap", "-c", folder, *(argument.replace(FOLDER, folder) for argument in arguments), **options)
    for number, (kind, (builder, other)) in enumerate((kind, pair) for kind in BUILT for pair in ((own, debians), (debians, own))):
        entries = {key.lower(): value for key, value in _entries(number).items()}
        with open(f"{folder}/shared", "w") as file:
            file.writelines(f"{key}\t{value}\n" for key, value in entries.items())
        table = f"{kind}:{FOLDER}/shared"
        builder(table)
        if kind == "cdb":
            got = other("-q", "-", table, input="\n".join(entries) + "\n")
        else:
            gone = list(entries)[::3]
            other("-d", "-", table, input="\n".join(gone) + "\n")
            for key in gone:
                del entries[key]
            added = {f"new{n}@x.example": "v" * n for n in range(1, 300)}
            entries.update(added)
            other("-i", table, input="".join(f"{key} {value}\n" for key, value in added.items()))
            got = builder("-s", table)
            assert sorted(got.splitlines()) == sorted(other("-s", table).splitlines()), kind
        found = dict(line.split("\t", 1) for line in got.splitlines())
        assert found == entries, (kind, builder.__name__, list(set(found.items()) ^ set(entries.items()))[:4])


scenario_both_postmaps_work_on_a_file.only_for = ("apus",)
