"""The article's world: the server `mx` and everything outside it."""

import os
import shutil
import tempfile

from lab import peers
from lab.host import Host, link, sh
from lab.mta import MTA, put_article
from lab.smtp import Client, Server


def configured(main, master="", **options):
    """WORLD of a module with a configuration of its own, and no other servers unless `options` say so: `main` is its
    main.cf, `master` is added to the article's master.cf."""
    def mutate(name, text):
        if name == "main.cf":
            return main
        return text + master if name == "master.cf" else text
    return {"dovecot": False, "spamd": False, "domains": False, "mutate": mutate, **options}


class World:
    """mx (192.0.2.1) runs the server under test with Dovecot and spamd; outside has DNS, clients and other servers."""

    def __init__(self, kind, install, work=None, dovecot=True, spamd=True, article=True, mutate=None, domains=True):
        self.directory = tempfile.mkdtemp(prefix="apus-lab-", dir=work or "/var/tmp")
        os.chmod(self.directory, 0o755)
        # Names that no other run of the laboratory uses.
        tag = os.path.basename(self.directory)[-6:].replace("_", "0")
        self.mx = Host(f"m{tag}", self.directory, [peers.MX], overlay=True)
        self.outside = Host(f"o{tag}", self.directory, [])
        self.mta = None
        self._open = []
        # Other worlds that end with this one.
        self.others = []
        try:
            link(self.mx, self.outside, [f"{peers.MX}/24"], [
                "192.0.2.254/24", f"{peers.OUTSIDE}/32", f"{peers.OUTSIDE_MX}/32", f"{peers.DNS}/32",
                f"{peers.NAMELESS}/32", f"{peers.RBL_LISTED}/32", f"{peers.SILENT}/32"])
            self.mx.run("ip", "route", "add", "default", "via", "192.0.2.254")
            self.mx.write("/etc/resolv.conf", f"nameserver {peers.DNS}\noptions timeout:1 attempts:2\n")
            self.mx.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
            peers.start_dns(self.outside, peers.DNS, self.directory)
            self.mta = MTA(self.mx, kind, install)
            if article:
                put_article(self.mx, mutate, domains)
            os.makedirs(self.mx.path("/var/spool/postfix/etc"), exist_ok=True)
            for name in ("resolv.conf", "hosts", "services", "nsswitch.conf"):
                shutil.copy(self.mx.path("/etc/" + name), self.mx.path("/var/spool/postfix/etc/" + name))
            if dovecot:
                peers.start_dovecot(self.mx)
            if spamd:
                peers.start_spamd(self.mx)
        except BaseException:
            self.close()
            raise

    def client(self, port=25, source=peers.OUTSIDE, **options):
        """A connection from the outside world to the server."""
        return Client(self.outside, peers.MX, port, source, **options)

    def greeted(self, source=peers.OUTSIDE, name="out.example.net", port=25):
        client = self.client(port, source)
        client.expect(f"EHLO {name}", "250-smtp.example.com")
        return client

    def submission(self, user=None, password=None):
        """A submission session after STARTTLS, logged in when a user is given."""
        client = self.client(587)
        client.expect("EHLO client.example.net", "250-")
        client.starttls()
        client.expect("EHLO client.example.net", "250-")
        if user:
            answer = client.login(user, password or peers.USERS[user])
            assert answer.startswith("235 "), answer
        return client

    def server(self, script=None, address=peers.OUTSIDE_MX, name="mx.externaladdress.com"):
        server = Server(self.outside, address, 25, name, script)
        self._open.append(server)
        return server

    def close_servers(self):
        """Between scenarios: no server of the outside world stays behind a failed one."""
        while self._open:
            self._open.pop().close()
        for other in self.others:
            other.close_servers()

    def close(self):
        self.close_servers()
        while self.others:
            self.others.pop().close()
        if self.mta and os.environ.get("LAB_KEEP_LOG"):
            with open(os.environ["LAB_KEEP_LOG"], "a") as file:
                file.write(self.mta.log())
        for host in (self.outside, self.mx):
            host.close()
        shutil.rmtree(self.directory, ignore_errors=True)
