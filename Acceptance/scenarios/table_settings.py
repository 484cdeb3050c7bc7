"""Every setting of the tables that ask servers does what its manual page says, with real servers: TLS with and without
checks, client certificates, several servers, option files, character sets, limits. Debian's postmap gives the same answers."""

import hashlib

from lab.databases import MariaDB, OpenLDAP, PostgreSQL, signal_processes
from lab.smtp import wait_for

WORLD = {"dovecot": False, "spamd": False, "article": False}
START = False

CERTIFICATES = "/srv/tls"


def _certificates(world):
    """A CA with certificates for db.example and for a client, and a CA that nobody knows."""
    def run(*argv):
        world.mx.run("openssl", *argv)
    world.mx.run("install", "-d", CERTIFICATES)
    for name in ("ca", "other"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
            "-keyout", f"{CERTIFICATES}/{name}.key", "-out", f"{CERTIFICATES}/{name}.pem")
    for name, extension in (("db.example", "subjectAltName=DNS:db.example"), ("client", "extendedKeyUsage=clientAuth")):
        base = f"{CERTIFICATES}/{name}"
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", base + ".key", "-out", base + ".csr")
        world.mx.write(base + ".ext", extension + "\n")
        run("x509", "-req", "-in", base + ".csr", "-CA", f"{CERTIFICATES}/ca.pem", "-CAkey", f"{CERTIFICATES}/ca.key",
            "-days", "30", "-extfile", base + ".ext", "-out", base + ".pem")
    world.mx.run("install", "-d", f"{CERTIFICATES}/directory", f"{CERTIFICATES}/empty")
    world.mx.run("cp", f"{CERTIFICATES}/ca.pem", f"{CERTIFICATES}/directory/")
    run("rehash", f"{CERTIFICATES}/directory")
    world.mx.run("chmod", "-R", "a+rX", CERTIFICATES)
    world.mx.write("/etc/hosts", "127.0.0.1 localhost db.example\n::1 localhost\n")
    world.mx.write("/etc/postfix/main.cf", "compatibility_level = 3.6\n")


def _check(world, kind, settings, key, answer, status=1):
    """`answer` is the value, None for none, or `(text,)`: a message has this text, and the exit status is `status`."""
    world.mx.write("/etc/postfix/table.cf", settings)
    got = world.mx.run("postmap", "-q", key, f"{kind}:/etc/postfix/table.cf", check=False)
    if isinstance(answer, tuple):
        assert got.returncode == status and answer[0] in got.stdout, \
            (settings, key, got.returncode, got.stdout)
    else:
        expected = (0, f"{answer}\n") if answer is not None else (1, "")
        # Above the answer there may be a warning about a server that is dead.
        lines = [line for line in got.stdout.splitlines(True) if "warning: connect to" not in line]
        assert (got.returncode, "".join(lines)) == expected, (settings, key, got.stdout)


def scenario_mysql(world):
    _certificates(world)
    server = MariaDB(world.mx)
    ca, client = f"{CERTIFICATES}/ca.pem", f"{CERTIFICATES}/client"
    server.options = [f"--ssl-ca={ca}", f"--ssl-cert={CERTIFICATES}/db.example.pem",
                      f"--ssl-key={CERTIFICATES}/db.example.key", "--tls-version=TLSv1.2"]
    server.start()
    server.run("create table t (k varchar(100), v varchar(100)); insert into t values ('a', 'x'), ('b', 'y'), ('b', 'z');"
               "create user s@'127.0.0.1' identified by 'pw' require ssl; create user x@'127.0.0.1' identified by 'pw' require x509;"
               "grant all on mail.* to s@'127.0.0.1'; grant all on mail.* to x@'127.0.0.1';"
               "create procedure nothing(in k text) begin end;")
    query = "query = SELECT v FROM t WHERE k='%s'\n"
    cipher = "query = SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME='Ssl_cipher' AND '%s'<>''\n"

    def check(user, more, answer, key="a", hosts="db.example"):
        base = f"hosts = {hosts}\nuser = {user}\npassword = pw\ndbname = mail\n"
        _check(world, "mysql", base + (more if "query" in more else more + query), key, answer)
    refused = ("connect to mysql server",)
    check("m", "", "x")
    check("m", "", "y,z", "b")
    check("s", "", refused)
    check("s", f"tls_CAfile = {ca}\n", "x")
    check("s", f"tls_CAfile = {ca}\ntls_verify_cert = yes\n", "x")
    check("s", f"tls_CApath = {CERTIFICATES}/directory\ntls_verify_cert = yes\n", "x")
    check("s", f"tls_CAfile = {CERTIFICATES}/other.pem\ntls_verify_cert = yes\n", refused)
    check("s", f"tls_CAfile = {ca}\ntls_verify_cert = yes\n", refused, hosts="127.0.0.1")
    check("s", f"tls_CAfile = {ca}\ntls_ciphers = ECDHE-RSA-AES128-GCM-SHA256\n" + cipher, "ECDHE-RSA-AES128-GCM-SHA256")
    check("x", f"tls_CAfile = {ca}\n", refused)
    check("x", f"tls_CAfile = {ca}\ntls_cert_file = {client}.pem\ntls_key_file = {client}.key\n", "x")
    # Dead hosts first; sockets.
    check("m", "", "x", hosts="inet:127.0.0.1:1 127.0.0.1:2, inet:127.0.0.1:3306")
    server.run("create user r@localhost identified by 'pw'; grant all on mail.* to r@localhost;")
    check("r", "", "x", hosts="unix:/srv/my/sock")
    world.mx.write("/etc/my-client.cnf", "[client]\nuser=nobody\n[mail]\nuser=m\n")
    base = "hosts = 127.0.0.1\npassword = pw\ndbname = mail\noption_file = /etc/my-client.cnf\n"
    _check(world, "mysql", base + "option_group = mail\n" + query, "a", "x")
    _check(world, "mysql", base + query, "a", refused)
    check("m", "query = CALL nothing('%s')\n", ("require_result_set",))
    check("m", "query = CALL nothing('%s')\nrequire_result_set = no\n", None)
    check("m", query + "expansion_limit = 1\n", ("Expansion limit exceeded for key: 'b'",), "b")
    if world.mta.kind == "apus":
        # Since 3.9.
        check("m", "charset = latin1\nquery = SELECT @@character_set_client FROM t WHERE k='%s'\n", "latin1")
        check("m", "query = SELECT @@character_set_client FROM t WHERE k='%s'\n", "utf8mb4")
    server.kill()


def scenario_pgsql(world):
    _certificates(world)
    server = PostgreSQL(world.mx)
    key = f"{server.directory}/server.key"
    world.mx.run("install", "-o", "postgres", "-m", "600", f"{CERTIFICATES}/db.example.key", key)
    server.options = ["-c", "ssl=on", "-c", f"ssl_cert_file={CERTIFICATES}/db.example.pem", "-c", f"ssl_key_file={key}",
                      "-c", f"ssl_ca_file={CERTIFICATES}/ca.pem"]
    server.start()
    server.run("create table t (k text, v text); insert into t values ('a', 'x'), ('b', 'y'), ('b', 'z');"
               "create role p login password 'pw'; grant all on t to p;"
               "create function f(text) returns setof text as 'select v from t where k = $1' language sql;")
    query = "query = SELECT v FROM t WHERE k='%s'\n"
    base = "hosts = 127.0.0.1\nuser = p\npassword = pw\ndbname = postgres\n"

    def check(settings, answer, key="a"):
        _check(world, "pgsql", settings, key, answer)
    check(base + query, "x")
    check(base + "select_function = f\n", "y,z", "b")
    check(base + "table = t\nselect_field = v\nwhere_field = k\nadditional_conditions = AND v <> 'z'\n", "y", "b")
    check(base.replace("hosts = ", "hosts = inet:127.0.0.1:1 ") + query, "x")
    check(base.replace("127.0.0.1", f"unix:{server.sockets}") + query, "x")
    check(base.replace("dbname = postgres", "dbname = none") + query, ("connect to pgsql server",))
    check(base + query + "expansion_limit = 1\n", ("Expansion limit exceeded for key: 'b'",), "b")
    check(base + "query = SELECT nothing\n", ("query failed",))
    address = "postgresql://p:pw@db.example/postgres?sslmode=verify-full&sslrootcert=" + CERTIFICATES
    secure = "query = SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND '%s' <> ''\n"
    check(f"hosts = {address}/ca.pem\ndbname = postgres\n" + secure, "t")
    check(f"hosts = {address}/other.pem\ndbname = postgres\n" + secure, ("connect to pgsql server",))
    if world.mta.kind == "apus":
        encoding = "query = SELECT current_setting('client_encoding') WHERE '%s' <> ''\n"
        check(base + encoding, "UTF8")
        check(base + "encoding = LATIN1\n" + encoding, "LATIN1")
    server.kill()


PEOPLE = """dn: ou=sub,dc=example,dc=com
objectClass: organizationalUnit
ou: sub

dn: cn=deep,ou=sub,dc=example,dc=com
objectClass: inetOrgPerson
cn: deep
sn: d
mail: deep@example.com

dn: ou=links,dc=example,dc=com
objectClass: organizationalUnit
ou: links

dn: cn=link,ou=links,dc=example,dc=com
objectClass: alias
objectClass: extensibleObject
cn: link
aliasedObjectName: cn=deep,ou=sub,dc=example,dc=com

dn: ou=away,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
ou: away
ref: ldap://127.0.0.1/ou=sub,dc=example,dc=com
"""


def scenario_ldap(world):
    _certificates(world)
    server = OpenLDAP(world.mx)
    server.more = (f"TLSCACertificateFile {CERTIFICATES}/ca.pem\nTLSCertificateFile {CERTIFICATES}/db.example.pem\n"
                   f"TLSCertificateKeyFile {CERTIFICATES}/db.example.key\nTLSVerifyClient try\n"
                   "authz-regexp cn=client cn=deep,ou=sub,dc=example,dc=com\n")
    server.rules = ('access to filter=(cn=secret) by dn.exact="cn=deep,ou=sub,dc=example,dc=com" read by * none\n'
                    "access to * by * read\n")
    server.urls = "ldap://127.0.0.1:389 ldaps://127.0.0.1:636"
    server.load({"alice": ["alice@example.com", "a2@example.com"], "secret": ["secret@example.com"]}, PEOPLE)
    server.start()
    ca, client = f"{CERTIFICATES}/ca.pem", f"{CERTIFICATES}/client"
    query = "query_filter = (cn=%s)\nresult_attribute = mail\n"

    def check(settings, answer, key="deep", host="ldap://db.example", base="dc=example,dc=com", bind="bind = no\n", status=1):
        common = f"server_host = {host}\nsearch_base = {base}\nversion = 3\ntimeout = 10\n" + bind
        _check(world, "ldap", common + (query if "query_filter" not in settings else query.split("\n")[1] + "\n") + settings,
               key, answer, status)
    check("", "deep@example.com")
    check("scope = one\n", None)
    check("scope = one\n", "deep@example.com", base="ou=sub,dc=example,dc=com")
    check("scope = base\n", "deep@example.com", base="cn=deep,ou=sub,dc=example,dc=com")
    check("", "deep@example.com", host="127.0.0.1:1 127.0.0.1")
    check("server_port = 389\n", "deep@example.com", host="127.0.0.1")
    check("server_port = 1\n", ("query error",), host="127.0.0.1")
    check("query_filter = (mail=%s)\n", "deep@example.com", key="deep@example.com", base="dc=%2,dc=%1")
    check("domain = example.com\n", None)
    check("query_filter = (cn=deep)\n", ("Fixed query_filter (cn=deep) is probably useless",), key="none", status=0)
    check("size_limit = 1\nquery_filter = (|(cn=%s)(cn=alice))\n", ("query error",))
    check("expansion_limit = 1\n", ("Expansion limit exceeded for key: 'alice'",), key="alice")
    check("result_format = <%s>\n", "<alice@example.com>,<a2@example.com>", key="alice")
    # Aliases, and a referral.
    check("", None, base="ou=links,dc=example,dc=com")
    check("dereference = 3\n", "deep@example.com", base="ou=links,dc=example,dc=com")
    check("chase_referrals = yes\n", "deep@example.com", base="ou=away,dc=example,dc=com")
    # TLS.
    known, unknown = f"tls_ca_cert_file = {ca}\n", f"tls_ca_cert_file = {CERTIFICATES}/other.pem\n"
    for start, host in (("start_tls = yes\n", "ldap://db.example"), ("", "ldaps://db.example")):
        check(start + known + "tls_require_cert = yes\n", "deep@example.com", host=host)
        check(start + unknown + "tls_require_cert = yes\n", ("query error",), host=host)
        check(start + unknown, "deep@example.com", host=host)
        check(start + known + "tls_require_cert = yes\n", ("query error",), host=host.replace("db.example", "127.0.0.1"))
        check(start + f"tls_ca_cert_dir = {CERTIFICATES}/directory\ntls_require_cert = yes\n", "deep@example.com", host=host)
        check(start + f"tls_ca_cert_dir = {CERTIFICATES}/empty\ntls_require_cert = yes\n", ("query error",), host=host)
    check("start_tls = yes\ntls_cipher_suite = NO-SUCH-CIPHER\n" + known, ("query error",))
    check("start_tls = yes\ntls_cipher_suite = SECURE256\n" + known, "deep@example.com")
    # The client's certificate is its name.
    check("", None, key="secret")
    check("start_tls = yes\n" + known + f"tls_cert = {client}.pem\ntls_key = {client}.key\n", "secret@example.com", key="secret",
          bind="bind = sasl\nsasl_mechs = EXTERNAL\n")
    check("start_tls = yes\n" + known, ("query error",), key="secret", bind="bind = sasl\nsasl_mechs = EXTERNAL\n")
    server.kill()


def scenario_memcache(world):
    """The settings that Debian's 3.7 does not have, and those of keys and values."""
    world.mx.write("/etc/postfix/main.cf", "compatibility_level = 3.6\n")
    world.mx.start("memcached", "-u", "nobody", "-l", "127.0.0.1")

    def talk(text):
        with world.mx.connect("127.0.0.1", 11211) as server:
            server.sendall(text)
            return server.recv(1000)

    def answers():
        try:
            return talk(b"version\r\n")
        except ConnectionRefusedError:
            return None
    wait_for(answers, "memcached")
    base = "memcache = inet:127.0.0.1:11211\n"
    long = "k" * 300
    digest = hashlib.sha256(f"pre:{long}".encode()).hexdigest()
    assert talk(f"set {digest} 0 0 5\r\nvalue\r\n".encode()) == b"STORED\r\n"
    _check(world, "memcache", base + "key_format = pre:%s\nkey_digest = sha256\n", long, "value")
    _check(world, "memcache", base + "key_digest = none-such\n", long, ("unknown digest algorithm: none-such",))
    _check(world, "memcache", base + "flags = 7\nbackup = inline:{{ flagged=v }}\n", "flagged", "v")
    assert talk(b"get flagged\r\n") == b"VALUE flagged 7 1\r\nv\r\nEND\r\n"
    _check(world, "memcache", base + "ttl = 1\nbackup = inline:{{ brief=v }}\n", "brief", "v")
    wait_for(lambda: talk(b"get brief\r\n") == b"END\r\n", "the end of an entry's time", 5)
    _check(world, "memcache", base + "domain = example.com\n", "flagged", None)
    assert talk(b"set big 0 0 20\r\n" + b"x" * 20 + b"\r\n") == b"STORED\r\n"
    _check(world, "memcache", base + "data_size_limit = 10\nmax_try = 1\n", "big", ("query error",))
    _check(world, "memcache", base + "data_size_limit = 20\n", "big", "x" * 20)
    signal_processes(world.mx, ["memcached"])


scenario_memcache.only_for = ("apus",)
