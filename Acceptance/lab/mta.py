"""The mail server under test: Apus, or Debian's Postfix as the oracle, on the same files in the same places."""

import os
import re
import shutil
import time

from lab.host import sh
from lab.smtp import wait_for

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARTICLE = os.environ.get("APUS_ARTICLE", os.path.join(HERE, "article"))


class MTA:
    """`kind` is `apus` or `postfix`. For `apus`, `install` is the directory that `make install DESTDIR=` filled."""

    def __init__(self, host, kind, install=None):
        self.host, self.kind = host, kind
        # The queue lives on a plain directory, as it does on a server: not on the overlay.
        spool = os.path.join(host.directory, "spool")
        shutil.copytree("/var/spool/postfix", spool, symlinks=True, ignore=lambda *_: {"dev"})
        sh("cp", "-a", "--attributes-only", "-rT", "/var/spool/postfix", spool, check=False)
        self._drop_mail(spool)
        host.bind(spool, "/var/spool/postfix")
        self.install = install
        self.put_programs(kind)
        if host.root != "/":
            host.collect_syslog()

    def put_programs(self, kind):
        """Makes /usr/sbin/postfix and its kin those of Apus or of Debian's Postfix; the server must be stopped."""
        if kind == "apus":
            if not self.install:
                raise ValueError("the directory of an installed Apus is needed")
            sh("cp", "-a", "--remove-destination", self.install + "/usr/.", self.host.path("/usr/"))
            self.host.run("postfix", "set-permissions")
        elif self.kind == "apus":
            listed = sh("dpkg", "-L", "postfix").splitlines()
            for path in listed:
                if path.startswith("/usr/") and os.path.isfile(path):
                    sh("cp", "-a", "--remove-destination", path, self.host.path(path))

    def processes(self):
        """The server's processes: pid to program name."""
        found = {}
        for pid in sh("ip", "netns", "pids", self.host.name).split():
            try:
                program = os.readlink(f"/proc/{pid}/exe")
                with open(f"/proc/{pid}/cmdline") as file:
                    arguments = file.read().split("\0")
            except OSError:
                continue
            if "/libexec/apus/" in program:
                daemon = len(arguments) > 2 and arguments[1] == "--daemon-process"
                found[int(pid)] = (arguments[2] if daemon else "worker" if "--delivery-worker" in arguments
                                   else os.path.basename(arguments[0]))
            elif "/lib/postfix/sbin/" in program:
                found[int(pid)] = os.path.basename(program)
        return found

    @staticmethod
    def _drop_mail(spool):
        for queue in ("incoming", "active", "deferred", "hold", "bounce", "defer", "trace", "maildrop", "corrupt", "flush"):
            for directory, _, files in os.walk(os.path.join(spool, queue)):
                for file in files:
                    os.unlink(os.path.join(directory, file))

    # Running

    def start(self):
        self.host.run("postfix", "start")
        self.wait_port(25)

    def stop(self):
        self.host.run("postfix", "stop")

    def reload(self):
        self.host.run("postfix", "reload")

    def wait_port(self, port, address="127.0.0.1"):
        def answers():
            try:
                connection = self.host.connect(address, port, timeout=5)
                connection.settimeout(5)
                greeting = connection.recv(4)
                connection.close()
                return greeting == b"220 "
            except OSError:
                return False
        wait_for(answers, lambda: f"port {port}; the log:\n{self.log()[-3000:]}")

    def running(self):
        return self.host.run("postfix", "status", check=False).returncode == 0

    # Looking

    def log(self):
        """Whole lines: of one that is being written, a reader may find a part."""
        try:
            text = self.host.read("/var/log/mail.log")
        except FileNotFoundError:
            return ""
        return text[:text.rfind("\n") + 1]

    def wait_log(self, pattern, seconds=30, after=0):
        """Waits for a log line; returns the match."""
        return wait_for(
            lambda: re.search(pattern, self.log()[after:], re.M),
            lambda: f"log line {pattern!r}; the log:\n{self.log()[after:][-4000:]}", seconds)

    def queue(self):
        """Messages in the queue, as `postqueue -j` lists them."""
        import json
        return [json.loads(line) for line in self.host.run("postqueue", "-j").stdout.splitlines() if line.startswith("{")]

    def queue_on_disk(self, name):
        """How many message files a queue directory holds."""
        return sum(len(files) for _, _, files in os.walk(self.host.path("/var/spool/postfix/" + name)))

    def wait_empty(self, seconds=60):
        wait_for(lambda: self._shows_none(lambda entry: True),
                 lambda: f"an empty queue: {self.queue()[:3]}\n{self.log()[-3000:]}", seconds)

    def wait_quiet(self, seconds=60, ignored=None):
        """Until nothing is under way any more: what is deferred waits for its time. `ignored`: how names of others begin."""
        def moves(entry):
            return (entry["queue_name"] in ("active", "incoming", "maildrop")
                    and not (ignored and entry["queue_id"].startswith(ignored)))
        wait_for(lambda: self._shows_none(moves),
                 lambda: f"a quiet queue: {self.queue()[:3]}\n{self.log()[-3000:]}", seconds)

    def _shows_none(self, concerns):
        """In two listings: one may miss a message that changes queues meanwhile."""
        return not any(concerns(entry) for _ in range(2) for entry in self.queue())


def put_article(host, mutate=None, domains=True):
    """The article's files in their places. With `domains`, example.com leaves mydestination and foobar.com joins
    virtual_mailbox_domains, as the article's text means it; everything else stays byte for byte."""
    for name in ("main.cf", "master.cf", "virtual", "vmailbox", "controlled_envelope_senders", "recipient_blacklist"):
        with open(os.path.join(ARTICLE, name)) as file:
            text = file.read()
        if name == "main.cf" and domains:
            text = text.replace("mydestination = $myhostname, example.com,", "mydestination = $myhostname,")
            text = text.replace("virtual_mailbox_domains = example.com", "virtual_mailbox_domains = example.com foobar.com")
        if name == "virtual":
            text += "bar@example.com bar@externaladdress.com\n"
        if mutate:
            text = mutate(name, text)
        host.write("/etc/postfix/" + name, text)
    host.write("/etc/mailname", "smtp.example.com\n")
    host.write("/etc/aliases", "postmaster: root\nroot: foo@example.com\n")
    if not os.path.exists(host.path("/etc/letsencrypt/live/example.com/privkey.pem")):
        os.makedirs(host.path("/etc/letsencrypt/live/example.com"), exist_ok=True)
        host.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=smtp.example.com",
                 "-keyout", "/etc/letsencrypt/live/example.com/privkey.pem",
                 "-out", "/etc/letsencrypt/live/example.com/fullchain.pem")
        os.chmod(host.path("/etc/letsencrypt/live/example.com/privkey.pem"), 0o600)
    if host.run("id", "vmail", check=False).returncode != 0:
        host.run("useradd", "-r", "-u", "150", "-g", "mail", "-d", "/var/vmail", "-s", "/sbin/nologin", "-c", "Virtual mailbox", "vmail")
    os.makedirs(host.path("/var/vmail"), exist_ok=True)
    os.chown(host.path("/var/vmail"), 150, 8)
    os.chmod(host.path("/var/vmail"), 0o770)
    for table in ("vmailbox", "virtual", "controlled_envelope_senders", "recipient_blacklist"):
        host.run("postmap", "/etc/postfix/" + table)
    host.run("postalias", "/etc/aliases")


def mailbox(host, user):
    """The messages in a user's Maildir (new and cur, and of its folders), as text."""
    local, domain = user.split("@")
    base = host.path(f"/var/vmail/{domain}/{local}/mail")
    found = []
    for directory, _, files in os.walk(base):
        if os.path.basename(directory) in ("new", "cur"):
            for file in sorted(files):
                path = os.path.join(directory, file)
                with open(path, errors="replace") as message:
                    found.append(message.read())
                assert os.stat(path).st_uid == 150, f"{path} belongs to {os.stat(path).st_uid}"
    return found


def wait_mail(host, user, subject, seconds=60):
    """Waits for a message with this subject in the user's mailbox and returns it."""
    return wait_for(
        lambda: next((text for text in mailbox(host, user) if f"\nSubject: {subject}\n" in text), None),
        lambda: f"a message {subject!r} for {user}; there: {[re.findall('^Subject: .*', t, re.M) for t in mailbox(host, user)]}\n"
        + host.read("/var/log/mail.log")[-4000:], seconds)


def now():
    return time.monotonic()
