"""A server under measurement: Apus or Debian's Postfix, with the same files, a real syslog daemon, a queue on the disk."""

import os
import subprocess
import time

from lab import peers
from lab.smtp import wait_for
from lab.world import World

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOMAINS = 200
MAIN = """compatibility_level = 3.6
myhostname = smtp.example.com
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 198.51.100.0/24, 192.0.2.0/24, 127.0.0.0/8
relayhost = [198.51.100.25]
smtp_host_lookup = native
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_recipient_limit = 200000
message_size_limit = 51200000
default_process_limit = 12000
default_destination_concurrency_limit = 50
inet_protocols = ipv4
transport_maps = texthash:/etc/postfix/transport
smtpd_tls_cert_file = /etc/postfix/bench.pem
smtpd_tls_key_file = /etc/postfix/bench.pem
smtpd_tls_security_level = may
"""
TICK = os.sysconf("SC_CLK_TCK")


def processor_time(pid):
    """Seconds of user and system time of a process and its ended children; none when it has gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0, 0
    return (int(fields[11]) + int(fields[13])) / TICK, (int(fields[12]) + int(fields[14])) / TICK


class Server:
    def __init__(self, kind, install, work):
        self.kind = kind
        self.world = World(kind, install, work=work, dovecot=False, spamd=False, article=False)
        self.host = self.world.mx
        with open(os.path.join(ROOT, "Documentation/example/master.cf")) as file:
            self.host.write("/etc/postfix/master.cf", file.read())
        self.host.write("/etc/postfix/main.cf", MAIN)
        self.host.write("/etc/mailname", "smtp.example.com\n")
        self.host.write("/etc/postfix/transport", "".join(
            f"d{n}.example smtp:[m{n}.example]\n" for n in range(DOMAINS)))
        hosts = "127.0.0.1 localhost\n" + "".join(f"{peers.OUTSIDE_MX} m{n}.example\n" for n in range(DOMAINS))
        for path in ("/etc/hosts", "/var/spool/postfix/etc/hosts"):
            self.host.write(path, hosts)
        self.host.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                      "/CN=smtp.example.com", "-keyout", "/etc/postfix/bench.key", "-out", "/etc/postfix/bench.crt")
        self.host.write("/etc/postfix/bench.pem", self.host.read("/etc/postfix/bench.key")
                        + self.host.read("/etc/postfix/bench.crt"))
        self._syslog()
        self.start_seconds = self.start()
        time.sleep(1)
        self.idle = self.pss()

    def _syslog(self):
        """A real syslog daemon in place of the laboratory's collector, which would cost more than the mail."""
        host = self.host
        host.stop_syslog()
        host.write("/etc/rsyslog-bench.conf", f"""
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{host.path("/dev/log")}" RateLimit.Interval="0" UseSpecialParser="on")
action(type="omfile" file="{host.path("/var/log/mail.log")}" template="RSYSLOG_TraditionalFileFormat"
       asyncWriting="on" flushOnTXEnd="off" ioBufferSize="64k")
""")
        self.logger = subprocess.Popen(["rsyslogd", "-n", "-f", host.path("/etc/rsyslog-bench.conf"), "-i",
                                        host.path("/run/rsyslog-bench.pid")])
        wait_for(lambda: os.path.exists(host.path("/dev/log")), "rsyslogd")
        os.chmod(host.path("/dev/log"), 0o666)

    def start(self):
        """Seconds from `postfix start` to the first greeting."""
        started = time.monotonic()
        starter = subprocess.Popen(self.host._wrap(["postfix", "start"]), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while not self._greets():
            time.sleep(0.002)
        seconds = time.monotonic() - started
        starter.wait()
        return seconds

    def _greets(self):
        try:
            with self.world.outside.connect(peers.MX, 25, timeout=5) as connection:
                connection.settimeout(5)
                return connection.recv(4) == b"220 "
        except OSError:
            return False

    def cpu(self):
        """Seconds of processor time of the server's processes so far, ended ones included: program to (user, system)."""
        used = {}
        for pid, name in self.world.mta.processes().items():
            user, system = used.get(name, (0, 0))
            more_user, more_system = processor_time(pid)
            used[name] = (user + more_user, system + more_system)
        return used

    def pss(self, only=None):
        """Proportional memory of the server's processes (or of the program `only`) in KiB."""
        total = 0
        for pid, name in self.world.mta.processes().items():
            if only and name != only:
                continue
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    total += int(next(line for line in file if line.startswith("Pss:")).split()[1])
            except (OSError, StopIteration):
                pass
        return total

    def sink(self, messages):
        """smtp-sink of Debian's package, which ends after so many messages."""
        sink = self.world.outside.start(
            "smtp-sink", "-4", "-u", "nobody", "-M", str(messages), f"{peers.OUTSIDE_MX}:25", "1024")
        wait_for(self._sink_listens, "smtp-sink")
        return sink

    def _sink_listens(self):
        try:
            self.world.outside.connect(peers.OUTSIDE_MX, 25, timeout=1).close()
            return True
        except OSError:
            return False

    def measure(self, load, messages, delivered=None):
        """Runs `load` and waits until `delivered` messages (None: nobody takes them) have come out.
        - Returns: seconds, and processor seconds of the server for 1,000 messages."""
        sink = self.sink(delivered) if delivered else None
        before, started = self.cpu(), time.monotonic()
        load()
        if sink:
            sink.wait(timeout=900)
        seconds = time.monotonic() - started
        time.sleep(0.3)
        after = self.cpu()
        if sink:
            self.world.outside.processes.remove(sink)
        self.split = {}
        for name, (user, system) in after.items():
            user_before, system_before = before.get(name, (0, 0))
            self.split[name] = (user - user_before, system - system_before)
        return seconds, sum(map(sum, self.split.values())) * 1000 / messages

    def source(self, sessions, messages, reuse=False, size=4096):
        """smtp-source of Debian's package."""
        done = self.world.outside.run(
            "smtp-source", "-4", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "from@example.net",
            "-t", "to@externaladdress.com", *(["-d"] if reuse else []), f"{peers.MX}:25", timeout=900, check=False)
        assert done.returncode == 0, done.stdout

    def restart(self):
        """Seconds from `postfix start` to the first greeting, of a server without memories."""
        self.host.run("postfix", "stop", timeout=120)
        return self.start()

    def empty_queue(self):
        self.host.run("postsuper", "-d", "ALL", timeout=600)
        self.restart()

    def calls(self, messages):
        """System calls and synchronisations for each of `messages` messages, by a trace of all processes."""
        path = f"/var/tmp/apus-calls-{os.getpid()}"
        pids = [argument for pid in self.world.mta.processes() for argument in ("-p", str(pid))]
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", path, *pids], stderr=subprocess.DEVNULL)
        time.sleep(2)
        try:
            self.measure(lambda: self.source(5, messages), messages, messages)
        finally:
            tracer.send_signal(2)
            tracer.wait()
        calls = {}
        with open(path) as file:
            for line in file:
                fields = line.split()
                if len(fields) >= 5 and fields[3].isdigit():
                    calls[fields[-1]] = int(fields[3])
        os.unlink(path)
        return calls["total"] / messages, sum(calls.get(name, 0) for name in ("fsync", "fdatasync")) / messages

    def close(self):
        self.logger.terminate()
        self.logger.wait()
        self.world.close()
