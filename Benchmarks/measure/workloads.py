"""The workloads, each for the servers in turn. 4 KiB messages unless said."""

import time

from lab import peers
from measure import clients
from measure.server import DOMAINS


class Run:
    """What the workloads share: the servers, the options, the report."""

    def __init__(self, servers, options, report):
        self.servers, self.options, self.report = servers, options, report

    def rounds(self, work):
        """A B A B …: `work(server)` for each server, in turns."""
        for _ in range(self.options.rounds):
            for server in self.servers:
                work(server)

    def rate(self, server, label, messages, measured):
        """Three rows: messages a second, processor time, messages a processor second."""
        seconds, cost = measured
        self.report.add(server.kind, f"{label} (messages/s)", messages / seconds, "more")
        self.report.add(server.kind, f"{label} (CPU s per 1,000)", cost, "less")
        if cost:
            self.report.add(server.kind, f"{label} (messages per CPU s)", 1000 / cost, "more")
        print("#   " + ", ".join(f"{name} {user:.2f}+{system:.2f}" for name, (user, system) in server.split.items()
                                 if user + system >= 0.01), flush=True)


def relay(run):
    """End to end, with a connection for each message and with connections reused."""
    for reuse in (False, True):
        for sessions in run.options.sessions:
            count = run.options.messages if sessions > 1 else max(500, run.options.messages // 4)
            label = (f"relay, {sessions} session{'s' * (sessions > 1)}, "
                     + ("connections reused" if reuse else "a connection a message"))
            for server in run.servers:
                server.measure(lambda: server.source(sessions, 400, reuse), 400, 400)
            run.rounds(lambda server: run.rate(server, label, count, server.measure(
                lambda: server.source(sessions, count, reuse), count, count)))


def deferred(run):
    """Accepted while nobody listens at the destination."""
    count = run.options.messages

    def once(server):
        run.rate(server, "accept while the destination is down, 10 sessions", count,
                 server.measure(lambda: server.source(10, count), count))
        server.empty_queue()
    run.rounds(once)


def large(run):
    """Messages of 5 MiB."""
    run.rounds(lambda server: run.rate(server, "200 messages of 5 MiB, 10 sessions", 200, server.measure(
        lambda: server.source(10, 200, size=5 << 20), 200, 200)))


def recipients(run):
    """One message to many recipients: seconds until the last delivery is taken."""
    cases = [("1,000 recipients in one domain", [f"r{n}@externaladdress.com" for n in range(1000)], 20),
             ("1,000 recipients in 200 domains", [f"r{n}@d{n % DOMAINS}.example" for n in range(1000)], DOMAINS),
             ("100,000 recipients in one domain", [f"r{n}@externaladdress.com" for n in range(100_000)], 2000)]
    for label, addresses, deliveries in cases:
        def once(server):
            seconds, cost = server.measure(
                lambda: clients.one_message(server.world.outside, addresses), len(addresses), deliveries)
            run.report.add(server.kind, f"one message, {label} (s)", seconds, "less")
            run.report.add(server.kind, f"one message, {label} (CPU s per 1,000)", cost, "less")
        run.rounds(once)


def tls(run):
    """A STARTTLS session for each message."""
    count = max(100, run.options.messages // 4)
    run.rounds(lambda server: run.rate(server, "STARTTLS session a message, 10 clients", count, server.measure(
        lambda: clients.tls_sessions(server.world.outside, 10, count), count, count)))


def sessions(run):
    """Memory of sessions that are idle after EHLO."""
    for count in run.options.idle:
        for secure in (False, True):
            for server in run.servers:
                if server.kind == "postfix" and count > 2000:
                    continue
                server.restart()
                time.sleep(1)
                before = server.pss()
                held = clients.IdleSessions(server.world.outside, count, secure)
                time.sleep(1)
                label = f"{count} idle sessions{', TLS' * secure}"
                run.report.add(server.kind, f"{label} (KiB a session)", (server.pss() - before) / count, "less")
                run.report.add(server.kind, f"{label}: a newcomer is greeted (ms)", held.newcomer() * 1000, "less")
                held.close()
                time.sleep(2)


def backlog(run):
    """A queue of deferred messages: memory, listing, restart, drain."""
    count = run.options.deferred
    program = {"apus": "queue", "postfix": "qmgr"}
    for server in run.servers:
        server.empty_queue()
        server.source(50, count)
        label = f"{count} deferred messages"
        # All have been tried once when nothing is active any more.
        while server.world.mta.queue_on_disk("active") + server.world.mta.queue_on_disk("incoming") > 0:
            time.sleep(0.5)
        run.report.add(server.kind, f"{label}: memory of the queue manager (MiB)",
                       server.pss(program[server.kind]) / 1024, "less")
        started = time.monotonic()
        listing = server.host.run("mailq", timeout=600).stdout
        run.report.add(server.kind, f"{label}: mailq (s)", time.monotonic() - started, "less")
        assert f" in {count} Requests" in listing, listing[-100:]
        server.host.run("postfix", "stop", timeout=120)
        sink = server.sink(count)
        started = time.monotonic()
        server.start()
        server.host.run("postqueue", "-f")
        while server.world.mta.queue_on_disk("deferred") == count:
            time.sleep(0.02)
        run.report.add(server.kind, f"{label}: restart to the first delivery (s)", time.monotonic() - started, "less")
        sink.wait(timeout=3000)
        run.report.add(server.kind, f"{label}: restart to the last delivery (s)", time.monotonic() - started, "less")
        server.world.outside.processes.remove(sink)


def start(run):
    """Start to the first greeting, and what an idle server takes."""
    for server in run.servers:
        run.report.add(server.kind, "start to the first greeting (ms)", server.start_seconds * 1000, "less")
        run.report.add(server.kind, "idle memory of all processes (PSS, MiB)", server.idle / 1024, "less")

    def again(server):
        run.report.add(server.kind, "start to the first greeting (ms)", server.restart() * 1000, "less")
    run.rounds(again)


def calls(run):
    """System calls of all processes for a relayed message."""
    for server in run.servers:
        server.measure(lambda: server.source(5, 1000), 1000, 1000)
        total, syncs = server.calls(500)
        run.report.add(server.kind, "system calls per relayed message", total, "less")
        run.report.add(server.kind, "synchronisations per relayed message", syncs, "less")


ALL = {work.__name__: work for work in (start, relay, deferred, large, recipients, tls, sessions, backlog, calls)}
