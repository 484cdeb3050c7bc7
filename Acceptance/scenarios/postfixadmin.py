"""A server whose domains, mailboxes, aliases and alias domains are in a database, with the tables that postfixadmin makes
and the queries that its documentation has, for PostgreSQL and for MariaDB."""

import os

from lab.databases import MariaDB, PostgreSQL
from lab.smtp import message, wait_for

WORLD = {"dovecot": False, "spamd": False, "article": False}
START = False

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEMA = """
create table domain (domain varchar(255) primary key, description varchar(255), aliases int, mailboxes int, maxquota bigint,
    quota bigint, transport varchar(255), backupmx {boolean}, created timestamp, modified timestamp, active {boolean});
create table mailbox (username varchar(255) primary key, password varchar(255), name varchar(255), maildir varchar(255),
    quota bigint, local_part varchar(255), domain varchar(255), created timestamp, modified timestamp, active {boolean});
create table alias (address varchar(255) primary key, goto text, domain varchar(255), created timestamp, modified timestamp,
    active {boolean});
create table alias_domain (alias_domain varchar(255) primary key, target_domain varchar(255), created timestamp,
    modified timestamp, active {boolean});
insert into domain (domain, transport, backupmx, active) values
    ('example.com', 'virtual', {no}, {yes}), ('closed.example', 'virtual', {no}, {no}),
    ('away.example', 'smtp:[198.51.100.25]', {yes}, {yes}), ('alias.example', 'virtual', {no}, {yes});
insert into mailbox (username, maildir, quota, local_part, domain, active) values
    ('foo@example.com', 'example.com/foo/', 0, 'foo', 'example.com', {yes}),
    ('o''brien@example.com', 'example.com/ob/', 0, 'o''brien', 'example.com', {yes}),
    ('gone@example.com', 'example.com/gone/', 0, 'gone', 'example.com', {no});
insert into alias (address, goto, domain, active) values
    ('foo@example.com', 'foo@example.com', 'example.com', {yes}),
    ('o''brien@example.com', 'o''brien@example.com', 'example.com', {yes}),
    ('all@example.com', 'foo@example.com,o''brien@example.com,out@away.example', 'example.com', {yes}),
    ('old@example.com', 'foo@example.com', 'example.com', {no}),
    ('@catch.example', 'foo@example.com', 'catch.example', {yes});
insert into domain (domain, transport, backupmx, active) values ('catch.example', 'virtual', {no}, {yes});
insert into alias_domain (alias_domain, target_domain, active) values ('alias.example', 'example.com', {yes});
"""
QUERIES = {
    "virtual_domains": "SELECT domain FROM domain WHERE domain='%s' AND active = {yes} AND backupmx = {no}",
    "relay_domains": "SELECT domain FROM domain WHERE domain='%s' AND active = {yes} AND backupmx = {yes}",
    "transport": "SELECT transport FROM domain WHERE domain='%s' AND active = {yes} AND backupmx = {yes}",
    "virtual_alias": "SELECT goto FROM alias WHERE address='%s' AND active = {yes}",
    "virtual_alias_domain": "SELECT goto FROM alias,alias_domain WHERE alias_domain.alias_domain = '%d' and "
                            "alias.address = {address} AND alias.active = {yes} AND alias_domain.active = {yes}",
    "virtual_alias_domain_catchall": "SELECT goto FROM alias,alias_domain WHERE alias_domain.alias_domain = '%d' and "
                                     "alias.address = {catchall} AND alias.active = {yes} AND alias_domain.active = {yes}",
    "virtual_mailbox": "SELECT maildir FROM mailbox WHERE username='%s' AND active = {yes}",
    "virtual_alias_domain_mailbox": "SELECT maildir FROM mailbox,alias_domain WHERE alias_domain.alias_domain = '%d' and "
                                    "mailbox.username = {address} AND mailbox.active = {yes} AND alias_domain.active = {yes}",
}
WORDS = {
    "pgsql": {"boolean": "boolean", "yes": "true", "no": "false", "address": "'%u' || '@' || alias_domain.target_domain",
              "catchall": "'@' || alias_domain.target_domain"},
    "mysql": {"boolean": "tinyint(1)", "yes": "1", "no": "0", "address": "CONCAT('%u', '@', alias_domain.target_domain)",
              "catchall": "CONCAT('@', alias_domain.target_domain)"},
}
# The proxy: form is what postfixadmin's documentation has.
MAIN = """compatibility_level = 3.6
myhostname = smtp.example.com
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
inet_protocols = ipv4
smtpd_peername_lookup = no
virtual_mailbox_domains = proxy:{kind}:/etc/postfix/sql/virtual_domains.cf
relay_domains = proxy:{kind}:/etc/postfix/sql/relay_domains.cf
transport_maps = proxy:{kind}:/etc/postfix/sql/transport.cf
virtual_alias_maps =
  proxy:{kind}:/etc/postfix/sql/virtual_alias.cf,
  proxy:{kind}:/etc/postfix/sql/virtual_alias_domain.cf,
  proxy:{kind}:/etc/postfix/sql/virtual_alias_domain_catchall.cf
virtual_mailbox_maps =
  proxy:{kind}:/etc/postfix/sql/virtual_mailbox.cf,
  proxy:{kind}:/etc/postfix/sql/virtual_alias_domain_mailbox.cf
virtual_mailbox_base = /var/vmail
virtual_transport = virtual
virtual_minimum_uid = 100
virtual_uid_maps = static:150
virtual_gid_maps = static:8
"""


def _subjects(world, folder):
    path = world.mx.path(f"/var/vmail/example.com/{folder}/new")
    if not os.path.isdir(path):
        return []
    found = []
    for name in os.listdir(path):
        with open(f"{path}/{name}") as file:
            found += [line[9:].strip() for line in file if line.startswith("Subject: ")]
    return sorted(found)


def _serve(world, database, hosts="127.0.0.1"):
    kind = database.kind
    words = WORDS[kind]
    database.start()
    database.run(SCHEMA.format(**words))
    for name, query in QUERIES.items():
        world.mx.write(f"/etc/postfix/sql/{name}.cf", database.settings.replace("127.0.0.1", hosts) + f"query = {query.format(**words)}\n")
    world.mx.write("/etc/postfix/main.cf", MAIN.format(kind=kind))
    with open(os.path.join(ROOT, "Documentation/example/master.cf")) as file:
        world.mx.write("/etc/postfix/master.cf", file.read())
    world.mx.write("/etc/mailname", "smtp.example.com\n")
    world.mx.run("install", "-d", "-o", "150", "-g", "mail", "-m", "770", "/var/vmail")
    world.mta.start()


def _flow(world, database, hosts="127.0.0.1"):
    _serve(world, database, hosts)
    outside = world.server()
    # All of it at the door, as clients see it.
    for address, answer in [
            ("foo@example.com", "250 "), ("FOO@Example.COM", "250 "), ("o'brien@example.com", "250 "), ("all@example.com", "250 "),
            ("foo@alias.example", "250 "), ("all@alias.example", "250 "), ("anything@catch.example", "250 "),
            ("x@away.example", "250 "), ("none@example.com", "550 5.1.1 "), ("old@example.com", "550 5.1.1 "),
            ("gone@example.com", "550 5.1.1 "), ("none@alias.example", "550 5.1.1 "), ("x@closed.example", "454 4.7.1 "),
            ("x'/**/or/**/'1'='1@example.com", "550 5.1.1 ")]:
        client = world.greeted()
        client.expect("MAIL FROM:<someone@example.net>", "250 ")
        got = client.command(f"RCPT TO:<{address}>")
        client.quit()
        assert got.startswith(answer), (address, got)
    # And through to the mailboxes.
    client = world.greeted()
    for address in ("foo@example.com", "all@example.com", "foo@alias.example", "anything@catch.example", "x@away.example"):
        client.expect("MAIL FROM:<someone@example.net>", "250 ")
        client.expect(f"RCPT TO:<{address}>", "250 ")
        client.expect("DATA", "354 ")
        client.expect(message(address).replace("\n", "\r\n") + "\r\n.", "250 ")
    client.quit()
    expected = sorted(["foo@example.com", "all@example.com", "foo@alias.example", "anything@catch.example"])
    wait_for(lambda: _subjects(world, "foo") == expected, lambda: f"{expected}, not {_subjects(world, 'foo')}:\n{world.mta.log()[-3000:]}")
    wait_for(lambda: _subjects(world, "ob") == ["all@example.com"], "the mail of the second mailbox")
    wait_for(lambda: {m.recipients[0] for m in outside.messages} == {"out@away.example", "x@away.example"}, "the relayed mail")
    world.mta.wait_empty()
    # What changes in the database is true at once.
    database.run(f"update alias set active = {WORDS[database.kind]['yes']} where address = 'old@example.com';")
    client = world.greeted()
    client.expect("MAIL FROM:<someone@example.net>", "250 ")
    client.expect("RCPT TO:<old@example.com>", "250 ")
    client.quit()
    world.mta.stop()
    database.kill()
    world.mx.run("rm", "-rf", "/var/vmail/example.com", database.directory)


def scenario_pgsql(world):
    _flow(world, PostgreSQL(world.mx))


def scenario_mysql(world):
    _flow(world, MariaDB(world.mx))


def scenario_behind_the_chroot(world):
    """The database listens on a socket that smtpd's chroot hides: what proxy: is for."""
    database = PostgreSQL(world.mx)
    _flow(world, database, f"unix:{database.sockets}")


def scenario_send_asks_behind_the_chroot(world):
    """smtp's own table, in a database whose socket its chroot hides: the connection to the destination is kept."""
    database = PostgreSQL(world.mx)
    database.start()
    settings = database.settings.replace("127.0.0.1", f"unix:{database.sockets}")
    world.mx.write("/etc/postfix/kept.cf", settings + "query = SELECT 'yes' WHERE '%s' = 'away.example'\n")
    world.mx.write("/etc/postfix/main.cf", MAIN.split("virtual_")[0] + """smtp_connection_cache_on_demand = no
smtp_connection_cache_time_limit = 60
connection_cache_ttl_limit = 60
smtp_connection_cache_destinations = proxy:pgsql:/etc/postfix/kept.cf
proxy_read_maps = proxy:pgsql:/etc/postfix/kept.cf
""")
    world.mx.write("/etc/hosts", "127.0.0.1 localhost\n198.51.100.25 away.example other.example\n")
    world.mx.run("cp", "/etc/hosts", "/var/spool/postfix/etc/hosts")
    with open(os.path.join(ROOT, "Documentation/example/master.cf")) as file:
        world.mx.write("/etc/postfix/master.cf", file.read() + "scache unix - - y - 1 scache\n")
    world.mx.write("/etc/mailname", "smtp.example.com\n")
    world.mta.start()
    outside = world.server()
    for domain, connections in (("away.example", 1), ("other.example", 3)):
        for number in range(2):
            mark = len(world.mta.log())
            world.mx.run("sendmail", "-f", "someone@example.com", f"x@{domain}", input=message(f"{domain} {number}"))
            world.mta.wait_log(rf"to=<x@{domain}>.*status=sent", after=mark)
        assert outside.connections == connections, (domain, outside.connections)
    world.mta.stop()
    database.kill()
