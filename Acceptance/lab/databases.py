"""Database servers as peers: PostgreSQL, MariaDB and OpenLDAP on 127.0.0.1 of a host, to be started, hung and killed."""

import os
import signal
import subprocess

from lab.smtp import wait_for


def signal_processes(host, patterns, number=signal.SIGKILL):
    """Signals the host's own processes whose command line has one of the `patterns`."""
    for pid in subprocess.run(["ip", "netns", "pids", host.name], stdout=subprocess.PIPE, text=True).stdout.split():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
                if any(pattern.encode() in command for pattern in patterns):
                    os.kill(int(pid), number)
        except (FileNotFoundError, ProcessLookupError):
            pass


class _Server:
    """`settings`: what a table's file needs to reach it; `marks` are what the command lines of its processes have."""

    marks = ()
    # More arguments of the server.
    options = ()

    def __init__(self, host):
        self.host, self.process = host, None
        if not os.path.exists(host.path(self.directory)):
            self._make()

    def hang(self):
        signal_processes(self.host, [self.directory, *self.marks], signal.SIGSTOP)

    def resume(self):
        signal_processes(self.host, [self.directory, *self.marks], signal.SIGCONT)

    def kill(self):
        signal_processes(self.host, [self.directory, *self.marks])
        if self.process:
            self.process.wait(30)

    def start(self):
        self._start()
        wait_for(self._answers, type(self).__name__, 60)


class PostgreSQL(_Server):
    kind, directory, sockets = "pgsql", "/srv/pg", "/srv/pg-sockets"
    # Those that serve a connection change their titles.
    marks = ["postgres: "]
    settings = "hosts = 127.0.0.1\nuser = postgres\npassword = x\ndbname = postgres\n"

    def _program(self, name):
        return f"/usr/lib/postgresql/{max(os.listdir('/usr/lib/postgresql'))}/bin/{name}"

    def _make(self):
        self.host.run("install", "-d", "-o", "postgres", self.directory, self.sockets)
        self.host.run(self._program("initdb"), "-D", self.directory, "-A", "trust", "--no-sync", user="postgres")

    def _start(self):
        # What a killed server left behind.
        for directory, name in ((self.directory, "postmaster.pid"), (self.sockets, ".s.PGSQL.5432.lock")):
            path = self.host.path(f"{directory}/{name}")
            if os.path.exists(path):
                os.unlink(path)
        self.process = self.host.start(
            "runuser", "-u", "postgres", "--", self._program("postgres"), "-D", self.directory, "-k", self.sockets,
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", *self.options)

    def _answers(self):
        return self.host.run(self._program("pg_isready"), "-h", "127.0.0.1", check=False).returncode == 0

    def run(self, text):
        self.host.run("psql", "-h", "127.0.0.1", "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", input=text)


class MariaDB(_Server):
    kind, directory = "mysql", "/srv/my"
    settings = "hosts = 127.0.0.1\nuser = m\npassword = pw\ndbname = mail\n"
    client = ("mariadb", "--no-defaults", "-S", "/srv/my/sock")

    def _make(self):
        self.host.run("install", "-d", "-o", "mysql", self.directory)
        self.host.run("mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={self.directory}",
                      "--auth-root-authentication-method=normal", "--skip-test-db", timeout=120)
        self.start()
        self.host.run(*self.client, input="create database mail; create user m@'127.0.0.1' identified by 'pw';"
                                          "grant all on mail.* to m@'127.0.0.1';")
        self.kill()

    def _start(self):
        self.process = self.host.start(
            "mariadbd", "--no-defaults", "--user=mysql", f"--datadir={self.directory}", "--bind-address=127.0.0.1",
            f"--socket={self.directory}/sock", f"--pid-file={self.directory}/pid", *self.options)

    def _answers(self):
        return self.host.run(*self.client, "-e", "select 1", check=False).returncode == 0

    def run(self, text):
        self.host.run(*self.client, "mail", input=text)


class OpenLDAP(_Server):
    kind, directory = "ldap", "/srv/ldap"
    settings = "server_host = 127.0.0.1\nsearch_base = dc=example,dc=com\nversion = 3\nbind = no\n"
    urls = "ldap://127.0.0.1:389"
    # More of slapd.conf: of the server, and of its database.
    more = rules = ""
    ROOT = "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"

    def _make(self):
        self.host.run("install", "-d", f"{self.directory}/db")

    def _start(self):
        self.process = self.host.start("slapd", "-d", "0", "-f", f"{self.directory}/slapd.conf", "-h", self.urls)

    def _answers(self):
        return self.host.run("ldapwhoami", "-x", "-H", "ldap://127.0.0.1", check=False).returncode == 0

    def load(self, people, more=""):
        """Before the start: names to mail addresses, and what is LDIF already."""
        schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        self.host.write(f"{self.directory}/slapd.conf", schemas + "modulepath /usr/lib/ldap\nmoduleload back_mdb\n" + self.more +
                        "database mdb\nsuffix dc=example,dc=com\nrootdn cn=admin,dc=example,dc=com\nrootpw secret\n"
                        f"directory {self.directory}/db\n" + self.rules)
        text = self.ROOT + "".join(
            f"dn: cn={name},dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: {name}\nsn: x\n"
            + "".join(f"mail: {address}\n" for address in addresses) + "\n" for name, addresses in people.items())
        self.host.write(f"{self.directory}/data.ldif", text + more)
        self.host.run("slapadd", "-f", f"{self.directory}/slapd.conf", "-l", f"{self.directory}/data.ldif")
