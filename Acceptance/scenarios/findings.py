"""What Apus tells beyond Postfix: `postconf --explain`, `postfix check` of what mail would find out, JSON."""

import json
import re
import shutil

MISTAKES = {
    # Name: what is appended to main.cf, to master.cf, commands that prepare it, the place and what is said.
    "a table that is missing": (
        "transport_maps = hash:/etc/postfix/nosuch\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: transport_maps: /etc/postfix/nosuch\.db does not exist: .*\(run postmap hash:/etc/postfix/nosuch\)"),
    "a table that does not open": (
        "transport_maps = hash:/etc/postfix/bad\n", "", ["echo rubbish >/etc/postfix/bad.db; touch -d yesterday /etc/postfix/bad"],
        r"/etc/postfix/main\.cf, line \d+: transport_maps: hash:/etc/postfix/bad does not open \(.*\): .*\(make the table again"),
    "a pattern that is none": (
        "header_checks = pcre:/etc/postfix/patterns\n", "", ["echo '/(/ REJECT' >/etc/postfix/patterns"],
        r"/etc/postfix/main\.cf, line \d+: header_checks: pcre:/etc/postfix/patterns: .*line 1.*\(correct the line\)"),
    "a table older than its source": (
        "transport_maps = hash:/etc/postfix/old\n", "",
        ["echo 'a b' >/etc/postfix/old; postmap hash:/etc/postfix/old; touch -d tomorrow /etc/postfix/old"],
        r"/etc/postfix/main\.cf, line \d+: transport_maps: /etc/postfix/old\.db is older than /etc/postfix/old: .*\(run postmap"),
    "a restriction in the wrong list": (
        "smtpd_etrn_restrictions = check_recipient_access static:x\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: smtpd_etrn_restrictions: check_recipient_access never matches in this list: .*\(move it"),
    "a recipient's restriction at DATA": (
        "smtpd_data_restrictions = check_recipient_access static:x\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: smtpd_data_restrictions: check_recipient_access is not applied to mail for several recipients"),
    "a rule behind permit": (
        "smtpd_helo_restrictions = permit_mynetworks, permit, reject_invalid_helo_hostname\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: smtpd_helo_restrictions: reject_invalid_helo_hostname and what follows is never reached: "),
    "an open relay": (
        "smtpd_relay_restrictions = check_client_access pcre:/etc/postfix/clients, reject_unauth_destination\n"
        "smtpd_recipient_restrictions = check_recipient_access static:OK, reject_unauth_destination\n",
        "", ["echo '/./ OK' >/etc/postfix/clients"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_relay_restrictions: check_client_access pcre:/etc/postfix/clients permits everybody before reject_unauth_destination: service smtp relays for everybody"),
    "an open relay behind a class": (
        "smtpd_restriction_classes = anybody\nanybody = permit\nsmtpd_relay_restrictions = anybody, reject_unauth_destination\n"
        "smtpd_recipient_restrictions = check_client_access static:OK, reject_unauth_destination\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: smtpd_relay_restrictions: permit stands before reject_unauth_destination: service smtp relays for everybody"),
    "senders that anybody can claim to be": (
        "smtpd_relay_restrictions = check_sender_access hash:/etc/postfix/friends, reject_unauth_destination\n"
        "smtpd_recipient_restrictions =\n", "", ["echo 'boss@example.com OK' >/etc/postfix/friends; postmap hash:/etc/postfix/friends"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_relay_restrictions: check_sender_access hash:/etc/postfix/friends permits what any client can claim"),
    "everybody in a file of networks": (
        "mynetworks = cidr:/etc/postfix/networks\n", "", ["echo '0.0.0.0/0 OK' >/etc/postfix/networks"],
        r"/etc/postfix/main\.cf, line \d+: mynetworks: even 203\.0\.113\.77 is in it: permit_mynetworks relays for everybody"),
    "every domain a relay domain": (
        "relay_domains = pcre:/etc/postfix/domains\n", "", ["echo '/./ x' >/etc/postfix/domains"],
        r"/etc/postfix/main\.cf, line \d+: relay_domains: every domain is in it: the server relays for everybody"),
    "networks that are the Internet": (
        "mynetworks = 127.0.0.0/8 0.0.0.0/0\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: mynetworks: 0\.0\.0\.0/0 is the whole Internet: permit_mynetworks relays for everybody"),
    "submission without TLS": (
        "", "587 inet n - y - - smtpd\n    -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=no\n    -o smtpd_tls_security_level=may\n", [],
        r"/etc/postfix/master\.cf, line \d+: service 587: passwords are taken without TLS \(set smtpd_tls_security_level=encrypt"),
    "TLS without a certificate": (
        "", "588 inet n - y - - smtpd\n    -o smtpd_tls_security_level=encrypt -o smtpd_tls_cert_file=\n", [],
        r"/etc/postfix/master\.cf, line \d+: service 588: TLS is required, but no certificate is set: no client can use the service"),
    "a filter that nothing asks": (
        "smtpd_milters = inet:localhost:8891\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: parameter not implemented by Apus: smtpd_milters=inet:localhost:8891 \(the setting has no effect\)"),
    "a block list without a filter": (
        "smtpd_client_restrictions = reject_rbl_client bl.example\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: smtpd_client_restrictions: reject_rbl_client bl\.example: every answer is a listing"),
    "a certificate of another key": (
        "smtpd_tls_cert_file = /etc/postfix/other.pem\n", "",
        ["openssl req -x509 -newkey rsa:2048 -nodes -days 300 -subj /CN=x -keyout /dev/null -out /etc/postfix/other.pem 2>/dev/null"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_tls_cert_file: /etc/postfix/other\.pem does not belong to \S+privkey\.pem: TLS is not offered"),
    "a certificate before its key": (
        "smtpd_tls_chain_files = /etc/postfix/chain.pem\n", "",
        ["cd /etc/postfix; cat /etc/letsencrypt/live/example.com/fullchain.pem /etc/letsencrypt/live/example.com/privkey.pem >chain.pem; chmod 600 chain.pem"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_tls_chain_files: .*chain\.pem: key not first: TLS is not offered \(put each private key before"),
    "a chain with another key": (
        "smtpd_tls_chain_files = /etc/postfix/key.pem /etc/letsencrypt/live/example.com/fullchain.pem\n", "",
        ["openssl genrsa 2048 >/etc/postfix/key.pem 2>/dev/null; chmod 600 /etc/postfix/key.pem"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_tls_chain_files: .*key does not match the certificate: TLS is not offered"),
    "a chain that ends": (
        "smtpd_tls_chain_files = /etc/postfix/short.pem\n", "",
        ["cd /etc/postfix; openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout short.pem -out end.pem 2>/dev/null; cat end.pem >>short.pem; chmod 600 short.pem"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_tls_chain_files: /etc/postfix/short\.pem expires in [12] days \(renew it\)"),
    "a table of another service": (
        "", "other unix - - n - - smtp -o smtp_generic_maps=hash:/etc/postfix/gone\n", [],
        r"/etc/postfix/master\.cf, line \d+: smtp_generic_maps: /etc/postfix/gone\.db does not exist"),
    "a type that there is not": (
        "virtual_alias_maps = hsah:/etc/postfix/virtual\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: virtual_alias_maps: hsah:/etc/postfix/virtual does not open \(unsupported dictionary type: hsah\)"),
    "a transport that there is not": (
        "virtual_transport = dovecto\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: virtual_transport: master\.cf has no service dovecto: mail that needs it stays in the queue"),
    "a program that is not there": (
        "virtual_transport = nothing\n", "nothing unix - n n - - pipe flags=R user=vmail argv=/usr/lib/nosuch ${recipient}\n", [],
        r"/etc/postfix/master\.cf, line \d+: service nothing: /usr/lib/nosuch cannot be run: mail for it stays in the queue"),
    "passwords that nobody can give": (
        "", "589 inet n - y - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes -o smtpd_tls_security_level=none\n", [],
        r"/etc/postfix/master\.cf, line \d+: service 589: passwords are taken with TLS only, and TLS is off: nobody can log in"),
    "a certificate that ends": (
        "smtpd_tls_cert_file = /etc/postfix/soon.pem\nsmtpd_tls_key_file = /etc/postfix/soon.key\n", "",
        ["openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=x -keyout /etc/postfix/soon.key -out /etc/postfix/soon.pem 2>/dev/null"],
        r"/etc/postfix/main\.cf, line \d+: smtpd_tls_cert_file: /etc/postfix/soon\.pem expires in [23] days \(renew it\)"),
    "a socket outside the chroot": (
        "", "2599 inet n - y - - smtpd\n    -o smtpd_milters=unix:/run/nosuch.sock\n", [],
        r"/etc/postfix/master\.cf, line \d+: service 2599: chrooted, it looks for /run/nosuch\.sock of smtpd_milters below /var/spool/postfix"),
    "a misspelt parameter": (
        "smtpd_banana = yes\n", "", [],
        r"/etc/postfix/main\.cf, line \d+: unused parameter: smtpd_banana=yes \(correct the name"),
}

# The article's own file, with the daemons that it needs: what is told there are no mistakes of these kinds.
WORLD = {"spamd": False, "domains": False}
START = False


def _check(world, *options):
    status, out, error = world.mx.outputs("postfix", "check", *options)
    return status, out, [line for line in error.splitlines() if "warning:" in line]


def _findings(world):
    status, out, _ = _check(world, "--json")
    return status, [json.loads(line) for line in out.splitlines()]


def scenario_no_false_alarm(world):
    """The article's configuration as it stands works, so nothing is said of it: cron would mail it."""
    # Scripts go on after `postfix check`.
    assert world.mx.run("sh", "-c", "postfix check && echo went on").stdout.endswith("went on\n")
    assert world.mx.outputs("postfix", "check")[:2] == (0, "")
    lines = [line for line in world.mx.outputs("postfix", "check")[2].splitlines() if not line.startswith("postfix: ")]
    assert lines == [], lines
    assert "separation: " in world.mx.outputs("postfix", "-v", "check")[2]
    status, findings = _findings(world)
    assert (status, findings) == (0, []), findings
    assert _check(world, "--strict")[0] == 0


def scenario_each_mistake_is_told(world):
    directory = world.mx.path("/etc/postfix")
    shutil.copytree(directory, directory + ".kept")
    wrong = []
    for name, (main, master, commands, expected) in MISTAKES.items():
        for command in commands:
            world.mx.run("sh", "-c", command)
        text = world.mx.read("/etc/postfix/main.cf")
        # Set once: another setting of the same parameter would be a finding of its own.
        for parameter in re.findall(r"^(\w+) =", main, re.M):
            text = re.sub(rf"^{parameter}\s*=.*\n((?:#.*\n)*[ \t].*\n)*", "", text, flags=re.M)
        world.mx.write("/etc/postfix/main.cf", text.rstrip("\n") + "\n" + main)
        world.mx.write("/etc/postfix/master.cf", world.mx.read("/etc/postfix/master.cf") + master)
        status, _, warnings = _check(world)
        if status != 0:
            wrong.append(f"{name}: exit status {status}")
        if not any(re.search(expected, line) for line in warnings):
            wrong.append(f"{name}: {expected}\n    is not in {warnings}")
        status, findings = _findings(world)
        places = [f"{f['file']}, line {f['line']}: {f['problem']} ({f['cure']})" for f in findings]
        found = next((f for f, place in zip(findings, places) if re.search(expected, place)), None)
        if status != 2 or not found or found["severity"] != "warning" or not found["cure"]:
            wrong.append(f"{name}: with --json {status} {findings}")
        else:
            # The line is the one where it stands.
            line = world.mx.read(found["file"]).splitlines()[found["line"] - 1]
            if not any(start and line.startswith(start.split()[0]) for start in (main + master).splitlines()) and not line.startswith("smtp "):
                wrong.append(f"{name}: line {found['line']} is {line!r}")
        if _check(world, "--strict")[0] != 2:
            wrong.append(f"{name}: exit status with --strict")
        shutil.rmtree(directory)
        shutil.copytree(directory + ".kept", directory)
    world.mx.write("/etc/postfix/main.cf", world.mx.read("/etc/postfix/main.cf") + "inet_protocols = ipv7\n")
    for options in ([], ["--json"], ["--strict"]):
        assert _check(world, *options)[0] == 1, (options, _check(world, *options))
    shutil.rmtree(directory)
    shutil.move(directory + ".kept", directory)
    assert not wrong, "\n".join(wrong)


def scenario_explanations(world):
    world.mx.write("/etc/postfix/main.cf", world.mx.read("/etc/postfix/main.cf").rstrip("\n") + "\nbounce_queue_lifetime = ${maximal_queue_lifetime}\n")
    line = len(world.mx.read("/etc/postfix/main.cf").splitlines())
    text = world.mx.run("postconf", "--explain", "bounce_queue_lifetime").stdout
    for part in ("bounce_queue_lifetime", "5d", "${maximal_queue_lifetime}", f"/etc/postfix/main.cf:{line}\n", "qmgr", "time", "since                    Postfix "):
        assert part in text, (part, text)
    (explained,) = [json.loads(line) for line in world.mx.outputs("postconf", "--explain", "--json", "bounce_queue_lifetime")[1].splitlines()]
    assert explained["name"] == "bounce_queue_lifetime" and explained["set_in"] == f"/etc/postfix/main.cf:{line}", explained
    text = world.mx.run("postconf", "--explain", "smtpd_tls_security_level").stdout
    assert re.search(r"submission.*encrypt", text), text
    text = world.mx.run("postconf", "--explain", "queue_minfree").stdout
    assert "default" in text, text
    assert "nosuch: unknown parameter" in world.mx.run("postconf", "--explain", "nosuch").stdout


def scenario_json(world):
    def lines(*argv, **options):
        return [json.loads(line) for line in world.mx.outputs(*argv, **options)[1].splitlines()]
    assert lines("postconf", "--json", "myhostname", "mail_name") == lines("postconf", "-j", "myhostname", "mail_name")
    assert lines("postconf", "-j", "myhostname")[0]["myhostname"] == "smtp.example.com"
    assert len(lines("postconf", "-nj")) == len(world.mx.outputs("postconf", "-n")[1].splitlines())
    world.mx.write("/tmp/table", 'a "b"\nc d\n')
    world.mx.run("postmap", "hash:/tmp/table")
    assert lines("postmap", "--json", "-q", "a", "hash:/tmp/table") == [{"a": '"b"'}]
    assert sorted(lines("postmap", "-sj", "hash:/tmp/table"), key=str) == [{"a": '"b"'}, {"c": "d"}]
    assert lines("postmap", "-jq", "-", "hash:/tmp/table", input="c\nnosuch\n") == [{"c": "d"}]
    assert lines("mailq", "--json") == lines("postqueue", "-j") == []


def scenario_levels_of_compatibility(world):
    def said(level):
        world.mx.run("postconf", "-e", f"compatibility_level={level}")
        mark = len(world.mta.log())
        world.mx.run("postfix", "status", check=False)
        world.mta.wait_log("postfix/postfix-script", after=mark)
        return re.findall(r" postfix\[\d+\]: (.*)$", world.mta.log()[mark:], re.M)
    assert said("3.6") == [
        "Postfix is using backwards-compatible default settings",
        "See https://www.postfix.org/COMPATIBILITY_README.html for details",
        'To disable backwards compatibility use "postconf compatibility_level=3.11" and "postfix reload"']
    assert said("3.11") == []


def scenario_away_from_berkeley_db(world):
    """`postfix non-bdb`: the steps, and that hash: tables are then tables of another type."""
    def non_bdb(*options):
        return world.mx.outputs("postfix", "non-bdb", *options)[:2]
    assert non_bdb("status") == (0, "disable\n")
    mark = len(world.mta.log())
    assert non_bdb("enable-redirect")[0] == 1 and non_bdb()[0] == 1
    world.mta.wait_log(r"postfix/postfix-non-bdb-script\[\d+\]: fatal: parameter default_database_type specifies a Berkeley DB type: 'hash'", 5, mark)
    world.mta.wait_log(r"fatal: usage: postfix non-bdb status \(or enable-redirect, or enable-reindex, or disable\)", 5, mark)
    world.mx.run("postconf", "-e", "default_database_type=lmdb", "default_cache_db_type=lmdb")
    assert non_bdb("enable-redirect") == (0, "") and non_bdb("status") == (0, "enable-redirect\n")
    world.mx.write("/etc/moved", "a b\n")
    world.mx.run("postmap", "hash:/etc/moved")
    assert world.mx.read("/etc/moved.lmdb") and world.mx.outputs("postmap", "-q", "a", "hash:/etc/moved")[:2] == (0, "b\n")
    assert world.mx.run("sh", "-c", "ls /etc/moved.db", check=False).returncode != 0
    # Missing tables are made when the administrator starts, reloads or checks.
    assert non_bdb("enable-reindex") == (0, "")
    assert "nbdb_reindex" in world.mx.run("postconf", "-M", "nbdb_reindex/unix").stdout
    world.mx.run("postconf", "-e", "transport_maps=hash:/etc/transport")
    world.mx.write("/etc/transport", "x.example smtp:y.example\n")
    world.mx.run("postfix", "check")
    assert world.mx.outputs("postmap", "-q", "x.example", "lmdb:/etc/transport")[1] == "smtp:y.example\n"
    assert non_bdb("disable") == (0, "") and non_bdb("status") == (0, "disable\n")
    assert "nbdb_reindex" not in world.mx.outputs("postconf", "-M", "nbdb_reindex/unix")[1]


for _scenario in [value for key, value in list(globals().items()) if key.startswith("scenario_")]:
    _scenario.only_for = ("apus",)
