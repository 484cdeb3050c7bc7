"""Tables with real servers behind them: PostgreSQL, MariaDB, OpenLDAP, memcached, and what happens when one goes away."""

import os
import signal
import subprocess

from lab.databases import PostgreSQL, signal_processes
from lab.smtp import wait_for

WORLD = {"dovecot": False, "spamd": False}
START = False

# The tables that postfixadmin makes, as far as its maps read them.
SCHEMA = """
create table domain (domain varchar(255), transport varchar(255), active int);
create table mailbox (username varchar(255), maildir varchar(255), active int);
create table alias (address varchar(255), goto text, active int);
create table alias_domain (alias_domain varchar(255), target_domain varchar(255), active int);
insert into domain values ('example.com', 'virtual', 1), ('old.example', 'virtual', 0);
insert into mailbox values ('foo@example.com', 'example.com/foo/', 1), ('o''brien@example.com', 'example.com/ob/', 1);
insert into alias values ('info@example.com', 'foo@example.com,bar@example.com', 1), ('many@example.com', 'a@x', 1), ('many@example.com', 'b@x', 1);
insert into alias_domain values ('alias.example', 'example.com', 1);
"""
QUERIES = {
    "domains": "SELECT domain FROM domain WHERE domain='%s' AND active = '1'",
    "mailboxes": "SELECT maildir FROM mailbox WHERE username='%s' AND active = '1'",
    "aliases": "SELECT goto FROM alias WHERE address='%s' AND active = '1'",
    "alias_domains": "SELECT maildir FROM mailbox,alias_domain WHERE alias_domain.alias_domain = '%d' "
                     "and mailbox.username = CONCAT('%u', '@', alias_domain.target_domain)",
}
ANSWERS = [
    ("domains", "example.com", "example.com"), ("domains", "old.example", None), ("domains", "EXAMPLE.com", "example.com"),
    ("mailboxes", "foo@example.com", "example.com/foo/"), ("mailboxes", "o'brien@example.com", "example.com/ob/"),
    ("mailboxes", "x' OR '1'='1", None), ("mailboxes", "back\\slash@example.com", None),
    ("aliases", "info@example.com", "foo@example.com,bar@example.com"), ("aliases", "many@example.com", "a@x,b@x"),
    ("alias_domains", "foo@alias.example", "example.com/foo/"), ("alias_domains", "alias.example", None),
]


def _configure(world, kind, settings):
    for name, query in QUERIES.items():
        world.mx.write(f"/etc/postfix/{kind}-{name}.cf", f"{settings}query = {query}\n")


def _ask(world, table, key, timeout=60):
    return world.mx.run("postmap", "-q", key, table, check=False, timeout=timeout)


def _check(world, kind):
    for name, key, answer in ANSWERS:
        got = _ask(world, f"{kind}:/etc/postfix/{kind}-{name}.cf", key)
        assert (got.returncode, got.stdout) == ((0, f"{answer}\n") if answer else (1, "")), (kind, name, key, got.stdout)


class Coprocess:
    """A `postmap -q -` that stays, as a daemon does, and keeps its connections."""

    def __init__(self, world, table):
        command = world.mx._wrap(["postmap", "-q", "-", table])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, key):
        self.process.stdin.write(f"{key}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def _start_postgresql(world):
    PostgreSQL(world.mx).start()


def _stop(world, pattern, number=signal.SIGKILL):
    signal_processes(world.mx, [pattern], number)


def _stop_postgresql(world):
    _stop(world, "/srv/pg", signal.SIGINT)
    wait_for(lambda: not os.path.exists(world.mx.path("/srv/pg/postmaster.pid")), "the end of PostgreSQL")


def scenario_pgsql(world):
    _start_postgresql(world)
    world.mx.run("psql", "-h", "127.0.0.1", "-U", "postgres", "-q", input=SCHEMA)
    _configure(world, "pgsql", "hosts = inet:127.0.0.1\nuser = postgres\npassword = x\ndbname = postgres\n")
    _check(world, "pgsql")
    world.mx.write("/etc/postfix/many.cf", "hosts = 127.0.0.1\nuser = postgres\ndbname = postgres\nexpansion_limit = 10\n"
                   "query = SELECT g FROM generate_series(1, 100) AS g WHERE '%s' <> ''\n")
    got = _ask(world, "pgsql:/etc/postfix/many.cf", "k")
    assert got.returncode == 1 and "Expansion limit exceeded for key: 'k'" in got.stdout, got.stdout
    _stop_postgresql(world)


def scenario_pgsql_comes_back(world):
    """A server that was started again is asked again at once, and one that hangs ends in an error, not in a wait."""
    table = "pgsql:/etc/postfix/pgsql-domains.cf"
    _start_postgresql(world)
    asker = Coprocess(world, table)
    assert asker.ask("example.com") == "example.com\texample.com"
    _stop_postgresql(world)
    _start_postgresql(world)
    assert asker.ask("example.com") == "example.com\texample.com"
    asker.close()
    _stop(world, "/srv/pg", signal.SIGSTOP)
    got = _ask(world, table, "example.com", timeout=55)
    assert got.returncode == 1 and "connect to pgsql server inet:127.0.0.1: " in got.stdout, got.stdout
    _stop(world, "/srv/pg")
    got = _ask(world, table, "example.com")
    assert got.returncode == 1 and "query error" in got.stdout, got.stdout


scenario_pgsql_comes_back.only_for = ("apus",)


def scenario_mysql(world):
    world.mx.run("install", "-d", "-o", "mysql", "/srv/my")
    world.mx.run("mariadb-install-db", "--no-defaults", "--user=mysql", "--datadir=/srv/my",
                 "--auth-root-authentication-method=normal", "--skip-test-db", timeout=120)
    world.mx.start("mariadbd", "--no-defaults", "--user=mysql", "--datadir=/srv/my", "--bind-address=127.0.0.1",
                   "--socket=/srv/my/sock", "--pid-file=/srv/my/pid")
    client = ("mariadb", "--no-defaults", "-S", "/srv/my/sock")
    wait_for(lambda: world.mx.run(*client, "-e", "select 1", check=False).returncode == 0, "MariaDB")
    world.mx.run(*client, input="create database mail; use mail;" + SCHEMA +
                 "create user m@'127.0.0.1' identified by 'pw'; grant all on mail.* to m@'127.0.0.1';"
                 "create procedure lookup(in k text) select maildir from mailbox where username = k;")
    settings = "hosts = 127.0.0.1\nuser = m\npassword = pw\ndbname = mail\n"
    _configure(world, "mysql", settings)
    _check(world, "mysql")
    world.mx.write("/etc/postfix/procedure.cf", settings + "query = CALL lookup('%s')\n")
    got = _ask(world, "mysql:/etc/postfix/procedure.cf", "foo@example.com")
    assert got.stdout == "example.com/foo/\n", got.stdout
    # The first host is dead: the second answers.
    world.mx.write("/etc/postfix/two.cf", settings.replace("hosts = ", "hosts = 127.0.0.1:1 ") +
                   f"query = {QUERIES['domains']}\n")
    for _ in range(4):
        assert _ask(world, "mysql:/etc/postfix/two.cf", "example.com").stdout.endswith("example.com\n")
    _stop(world, "/srv/my", signal.SIGSTOP)
    got = _ask(world, "mysql:/etc/postfix/mysql-domains.cf", "example.com", timeout=59) if world.mta.kind == "apus" else None
    assert got is None or (got.returncode == 1 and "connect to mysql server 127.0.0.1: " in got.stdout), got.stdout
    _stop(world, "/srv/my")


LDIF = """dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=alice,dc=example,dc=com
objectClass: inetOrgPerson
cn: alice
sn: a
mail: alice@example.com
mail: a2@example.com

dn: cn=bob,dc=example,dc=com
objectClass: inetOrgPerson
cn: bob
sn: b
mail: bob@example.com

dn: cn=group,dc=example,dc=com
objectClass: groupOfNames
cn: group
description: plain@example.com
member: cn=alice,dc=example,dc=com
member: cn=bob,dc=example,dc=com

dn: cn=urls,dc=example,dc=com
objectClass: inetOrgPerson
cn: urls
sn: u
labeledURI: ldap:///dc=example,dc=com?mail?sub?(sn=b)

dn: cn=loop,dc=example,dc=com
objectClass: groupOfNames
cn: loop
member: cn=loop,dc=example,dc=com
"""


def scenario_ldap(world):
    schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
    world.mx.write("/srv/ldap/slapd.conf", schemas + "modulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\n"
                   "suffix dc=example,dc=com\nrootdn cn=admin,dc=example,dc=com\nrootpw secret\ndirectory /srv/ldap/db\n")
    world.mx.write("/srv/ldap/data.ldif", LDIF)
    world.mx.run("install", "-d", "/srv/ldap/db")
    world.mx.run("slapadd", "-f", "/srv/ldap/slapd.conf", "-l", "/srv/ldap/data.ldif")
    world.mx.start("slapd", "-d", "0", "-f", "/srv/ldap/slapd.conf", "-h", "ldap://127.0.0.1:389")
    wait_for(lambda: world.mx.run("ldapwhoami", "-x", "-H", "ldap://127.0.0.1", check=False).returncode == 0, "slapd")
    base = "server_host = 127.0.0.1\nsearch_base = dc=example,dc=com\nversion = 3\n"
    bound = "bind = yes\nbind_dn = cn=admin,dc=example,dc=com\nbind_pw = secret\n"
    group = "query_filter = (cn=%s)\nresult_attribute = description\nspecial_result_attribute = member, labeledURI\n"
    for settings, key, answer in [
            ("bind = no\nquery_filter = (cn=%s)\nresult_attribute = mail\n", "alice", "alice@example.com,a2@example.com"),
            (bound + "query_filter = (mail=%s)\nresult_attribute = cn\nresult_format = <%s:%U>\n", "bob@example.com", "<bob:bob>"),
            ("bind = no\nquery_filter = (cn=%s)\nresult_attribute = mail\n", "a*", None),
            ("bind = no\n" + group + "leaf_result_attribute = mail\n", "group",
             "plain@example.com,alice@example.com,a2@example.com,bob@example.com"),
            ("bind = no\n" + group + "leaf_result_attribute = mail\n", "urls", "bob@example.com"),
            ("bind = no\nquery_filter = (cn=%s)\nresult_attribute = mail\nspecial_result_attribute = member\n"
             "terminal_result_attribute = description\n", "group", "plain@example.com"),
            ("bind = no\nquery_filter = (cn=%s)\nresult_attribute = mail\nscope = base\n", "alice", None)]:
        world.mx.write("/etc/postfix/ldap.cf", base + settings)
        got = _ask(world, "ldap:/etc/postfix/ldap.cf", key)
        assert (got.returncode, got.stdout) == ((0, f"{answer}\n") if answer else (1, "")), (settings, key, got.stdout)
    for settings, key, complaint in [
            ("bind = no\nquery_filter = (cn=%s)\nresult_attribute = mail\nexpansion_limit = 1\n", "alice", "Expansion limit exceeded"),
            ("bind = no\nrecursion_limit = 5\n" + group, "loop", "Recursion limit exceeded"),
            (bound.replace("secret", "wrong"), "alice", "(Invalid credentials)")]:
        world.mx.write("/etc/postfix/ldap.cf", base + settings)
        got = _ask(world, "ldap:/etc/postfix/ldap.cf", key)
        assert got.returncode == 1 and complaint in got.stdout, (settings, key, got.stdout)
    _stop(world, "/srv/ldap", signal.SIGSTOP)
    world.mx.write("/etc/postfix/ldap.cf", base + "timeout = 2\nbind = no\nquery_filter = (cn=%s)\nresult_attribute = mail\n")
    got = _ask(world, "ldap:/etc/postfix/ldap.cf", "alice", timeout=30)
    assert got.returncode == 1 and "query error" in got.stdout, got.stdout
    _stop(world, "/srv/ldap")


def scenario_memcache(world):
    world.mx.start("memcached", "-u", "nobody", "-l", "127.0.0.1")
    world.mx.write("/etc/postfix/memcache.cf", "memcache = inet:127.0.0.1:11211\nkey_format = pre:%s\nbackup = inline:{k=v}\n")

    def answers():
        try:
            world.mx.connect("127.0.0.1", 11211).close()
            return True
        except ConnectionRefusedError:
            return False
    wait_for(answers, "memcached")
    assert _ask(world, "memcache:/etc/postfix/memcache.cf", "k").stdout == "v\n"
    with world.mx.connect("127.0.0.1", 11211) as server:
        server.sendall(b"get pre:k\r\n")
        assert server.recv(100) == b"VALUE pre:k 0 1\r\nv\r\nEND\r\n"
        server.sendall(b"set pre:only 0 0 5\r\nhello\r\n")
        assert server.recv(100) == b"STORED\r\n"
    assert _ask(world, "memcache:/etc/postfix/memcache.cf", "Only").stdout == "hello\n"
    assert _ask(world, "memcache:/etc/postfix/memcache.cf", "none").returncode == 1
    _stop(world, "memcached")
    got = _ask(world, "memcache:/etc/postfix/memcache.cf", "only")
    assert "connect to 127.0.0.1:11211: Connection refused" in got.stdout, got.stdout
