"""Tables whose answers grant rights: whose rights the commands of an alias have, what may not be in such tables, and what
becomes of mail while they fail."""

import os
import re

from lab.smtp import message, wait_for

WORLD = {"dovecot": False, "spamd": False, "article": False}
START = False

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAIN = """compatibility_level = 3.6
myhostname = smtp.example.com
mydestination = smtp.example.com
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
"""


def _start(world, settings):
    if world.mta.running():
        world.mta.stop()
    world.mx.write("/etc/postfix/main.cf", MAIN + settings)
    with open(os.path.join(ROOT, "Documentation/example/master.cf")) as file:
        world.mx.write("/etc/postfix/master.cf", file.read())
    world.mx.write("/etc/mailname", "smtp.example.com\n")
    world.mta.start()


def _user(world):
    if world.mx.run("id", "lister", check=False).returncode != 0:
        world.mx.run("useradd", "-m", "lister")
        world.mx.run("install", "-d", "-m", "1777", "/srv/out")


def _send(world, recipient):
    """Sends a message; the log from here on."""
    mark = len(world.mta.log())
    world.mx.run("sendmail", "-f", "s@smtp.example.com", recipient, input=message("to a table"))
    return mark


def _command(name):
    return f'"|id -un >/srv/out/{name}"'


KEYED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}


def _owned_tables(world):
    """Tables of each type with a file, one owned by root and one by lister. An alias has its table's name."""
    tables = []
    for owner in ("root", "lister"):
        for kind in (*KEYED, "texthash", "regexp", "pcre", "sqlite"):
            name = f"{kind}{owner}"
            path = f"/srv/tables/{name}"
            text = {"regexp": f"/^{name}$/ {_command(name)}\n", "pcre": f"/^{name}$/ {_command(name)}\n",
                    "sqlite": f"dbpath = {path}.sqlite\nquery = SELECT v FROM t WHERE k='%s'\n"}
            world.mx.write(path, text.get(kind, f"{name} {_command(name)}\n"))
            if kind in KEYED:
                world.mx.run("postmap", f"{kind}:{path}")
            if kind == "sqlite":
                world.mx.run("sqlite3", f"{path}.sqlite", f"create table t (k, v); insert into t values ('{name}', '{_command(name)}')")
            world.mx.run("chown", owner, path + KEYED.get(kind, ""))
            tables.append((name, f"{kind}:{path}", "nobody" if owner == "root" else owner))
    return tables


def scenario_commands_run_as_the_owner_of_their_table(world):
    """Of the table that has the alias, not of another one; default_privs for root's, and where there is no file."""
    _user(world)
    tables = _owned_tables(world)
    world.mx.write("/srv/tables/more", f"joined {_command('joined')}\nsecond {_command('second')}\nnext hashroot\n")
    world.mx.run("postmap", "hash:/srv/tables/more")
    world.mx.run("chown", "lister", "/srv/tables/more.db")
    inline = "inline:{ { inline = " + _command("inline") + " }, first=second, back=hashlister }"
    maps = [table for _, table, _ in tables] + [
        inline, "unionmap:{ hash:/srv/tables/more, inline:{x=y} }", "pipemap:{ inline:{first=second}, hash:/srv/tables/more }"]
    _start(world, "alias_maps = " + ", ".join(maps) + "\n")
    cases = [(name, name, user) for name, _, user in tables]
    cases += [("inline", "inline", "nobody"), ("joined", "joined", "lister"), ("first", "second", "lister"),
              ("next", "hashroot", "nobody"), ("back", "hashlister", "lister")]
    for alias, file, user in cases:
        path = world.mx.path(f"/srv/out/{file}")
        if os.path.exists(path):
            os.unlink(path)
        mark = _send(world, f"{alias}@smtp.example.com")
        world.mta.wait_log(r"to=<.*status=sent \(delivered to command: id", after=mark)
        assert world.mx.read(f"/srv/out/{file}") == f"{user}\n", (alias, world.mx.read(f"/srv/out/{file}"))
    world.mta.stop()


# Settings; recipient; the answer; what the log says.
REFUSED = [
    ("alias_maps = regexp:{{/^(x)(.*)$$/ $$2}}", "xlister", '5.1.1, status=bounced (unknown user: "xlister")',
     "regular expression substitution is not allowed: skipping this rule"),
    ("alias_maps = tcp:127.0.0.1:1", "lister", "4.3.0, status=deferred (alias database unavailable)",
     "error: tcp:127.0.0.1:1 map is not allowed for security sensitive data"),
    ("alias_maps = proxy:socketmap:inet:127.0.0.1:1:x", "lister", "4.3.0, status=deferred (alias database unavailable)",
     "error: socketmap:inet:127.0.0.1:1:x map is not allowed for security-sensitive data"),
    ("alias_maps = unionmap:{memcache:/none}", "lister", "4.3.0, status=deferred (alias database unavailable)",
     "error: memcache:/none map is not allowed for security-sensitive data"),
    ("alias_maps = proxy:inline:{pr=lister}\nproxy_read_maps =", "pr", "2.0.0, status=sent (delivered to mailbox)", None),
    ("alias_maps =\nmailbox_transport_maps = regexp:{{/^(.*)$$/ error:$$1}}", "lister", "2.0.0, status=sent (delivered to mailbox)",
     "regular expression substitution is not allowed: skipping this rule"),
    ("alias_maps =\nfallback_transport_maps = regexp:{{/^(.*)$$/ error:$$1}}", "none", '5.1.1, status=bounced (unknown user: "none")',
     "regular expression substitution is not allowed: skipping this rule"),
    ("alias_maps =\nmailbox_command_maps = tcp:127.0.0.1:1", "lister", "4.3.0, status=deferred (table lookup failure)",
     "error: tcp:127.0.0.1:1 map is not allowed for security sensitive data"),
]
VIRTUAL = ("alias_maps =\nvirtual_mailbox_domains = v.example\nvirtual_mailbox_base = /srv/v\nvirtual_transport = virtual\n"
           "virtual_mailbox_maps = {}\nvirtual_uid_maps = {}\nvirtual_gid_maps = {}\n")
BOX, UID, BROKEN = "inline:{{ u@v.example=u/ }}", "static:5000", "4.3.5, status=deferred (mail system configuration error)"

FAILING = [
    ("alias_maps = fail:x", "lister", "4.3.0, status=deferred (alias database unavailable)", "fail:x: lookup of 'lister' failed"),
    ("alias_maps = hash:/none", "lister", "4.3.0, status=deferred (alias database unavailable)",
     "hash:/none is unavailable. open database /none.db: No such file or directory"),
    ("alias_maps = inline:{x=lister} fail:y", "x", "4.3.0, status=deferred (alias database unavailable)",
     'fail:y lookup error for "owner-x"'),
    ("alias_maps = inline:{{x=}}", "x", "4.3.0, status=deferred (alias database unavailable)",
     "no recipient in alias lookup result for x"),
    ("alias_maps = inline:{{owner-x=}, x=lister}", "x", "4.3.0, status=deferred (alias database unavailable)",
     "aliases lookup of owner-x returns an empty string result"),
    ("alias_maps =\nmailbox_transport_maps = fail:x", "lister", "4.3.0, status=deferred (table lookup failure)",
     'fail:x lookup error for "lister"'),
    ("alias_maps =\nmailbox_command_maps = fail:x", "lister", "4.3.0, status=deferred (table lookup failure)",
     'fail:x lookup error for "lister"'),
    ("alias_maps =\nfallback_transport_maps = fail:x", "none", "4.3.0, status=deferred (table lookup failure)",
     'fail:x lookup error for "none"'),
    (VIRTUAL.format("fail:x", UID, UID), "u@v.example", BROKEN, "table virtual_mailbox_maps: lookup u@v.example: "),
    (VIRTUAL.format(BOX, "fail:x", UID), "u@v.example", BROKEN, "recipient u@v.example: not found in virtual_uid_maps"),
    (VIRTUAL.format(BOX, UID, "regexp:{{/^(.)/ $$1}}"), "u@v.example", BROKEN,
     "regular expression substitution is not allowed: skipping this rule"),
    (VIRTUAL.format(BOX, "tcp:127.0.0.1:1", UID), "u@v.example", BROKEN, "map is not allowed for security sensitive data"),
    (VIRTUAL.format(BOX, "static:x", UID), "u@v.example", BROKEN, "recipient u@v.example: bad uid x in virtual_uid_maps"),
]
RESOLVER = "4.3.0, status=deferred (address resolver failure)"
FAILING += [(f"alias_maps =\n{name} = fail:x", recipient, RESOLVER, f"warning: {name} lookup failure") for name, recipient in [
    ("transport_maps", "lister"), ("relocated_maps", "lister"), ("sender_dependent_relayhost_maps", "a@out.example"),
    ("sender_dependent_default_transport_maps", "a@out.example"), ("virtual_alias_domains", "a@v.example"),
    ("virtual_mailbox_domains", "a@v.example"), ("relay_domains", "a@v.example")]]
# Nobody accepts the message: it stays where it is.
FAILING += [(f"alias_maps =\n{name} = fail:x", "lister", None, f"{name} map lookup problem{about} -- message not accepted, try again later")
            for name, about in [("virtual_alias_maps", " for lister@smtp.example.com"), ("canonical_maps", " for s@smtp.example.com"),
                                ("sender_canonical_maps", " for s@smtp.example.com"), ("recipient_bcc_maps", ""), ("sender_bcc_maps", ""),
                                ("recipient_canonical_maps", " for lister@smtp.example.com"), ("header_checks", ""),
                                ("body_checks", ""), ("always_bcc = x@smtp.example.com\nrecipient_bcc_maps", "")]]


def _name(text):
    return text.split("\n")[-1]


def _check(world, cases):
    _user(world)
    for settings, recipient, answer, complaint in cases:
        _start(world, settings + "\n")
        mark = _send(world, recipient if "@" in recipient else f"{recipient}@smtp.example.com")
        if complaint:
            world.mta.wait_log(re.escape(_name(complaint)), after=mark)
        if answer:
            world.mta.wait_log(r"to=<.*dsn=" + re.escape(answer), after=mark)
        world.mx.run("postsuper", "-d", "ALL")
        wait_for(lambda: not os.listdir(world.mx.path("/var/spool/postfix/maildrop")) or _empty(world), "an empty maildrop")
    world.mta.stop()


def _empty(world):
    folder = world.mx.path("/var/spool/postfix/maildrop")
    for name in os.listdir(folder):
        try:
            os.unlink(f"{folder}/{name}")
        except FileNotFoundError:
            pass
    return False


def scenario_tables_that_must_not_grant_rights(world):
    _check(world, REFUSED)


def scenario_tables_that_fail(world):
    """In each kind of use: the mail waits, and the log says why."""
    _check(world, FAILING)


def scenario_postmap_and_proxied_tables(world):
    """postmap gets from proxy: what proxy_read_maps allows, and changes only what proxy_write_maps does."""
    for name in ("listed", "other"):
        world.mx.write(f"/srv/{name}", f"k {name}\n")
    _start(world, "virtual_alias_maps = proxy:texthash:/srv/listed\nalias_maps =\n")
    unknown = "postmap: fatal: proxymap service is not configured for table \"texthash:/srv/other\"\n"
    for arguments, status, output in (
            (["-q", "k", "proxy:texthash:/srv/listed"], 0, "listed\n"),
            (["-q", "k", "proxy:proxy:texthash:/srv/listed"], 0, "listed\n"),
            (["-q", "none", "proxy:texthash:/srv/listed"], 1, ""),
            (["-q", "k", "proxy:texthash:/srv/other"], 1, unknown),
            (["-q", "k", "unionmap:{proxy:texthash:/srv/other}"], 1, unknown),
            (["-d", "k", "proxy:texthash:/srv/listed"], 1,
             "postmap: fatal: proxywrite service is not configured for table \"texthash:/srv/listed\"\n")):
        result = world.mx.run("postmap", *arguments, check=False)
        assert (result.returncode, result.stdout) == (status, output), (arguments, result)
    world.mta.wait_log(r"postfix/postmap\[\d+\]: fatal: proxymap service is not configured for table \"texthash:/srv/other\"")
    world.mta.stop()
