"""The least relay (Bound/least-relay.c) in place of a server: what the kernel takes for a message, whoever serves it."""

import os
import subprocess
import tempfile
import time

from lab import peers
from lab.smtp import wait_for
from measure.server import ROOT, TICK, Server


class LeastRelay(Server):
    """Knows the workload `relay` only: it answers whatever it is asked, and queues nothing."""

    # More of them would wait for less, but be woken more often.
    WORKERS = 4

    def __init__(self, install, work):
        super().__init__("apus", install, work)
        self.kind = "least"
        self.host.run("postfix", "stop", timeout=120)
        self.directory = tempfile.TemporaryDirectory()
        program = os.path.join(self.directory.name, "least-relay")
        subprocess.run(["clang", "-O2", "-o", program, os.path.join(ROOT, "Benchmarks/Bound/least-relay.c")], check=True)
        self.process = subprocess.Popen([
            "ip", "netns", "exec", self.host.name, program, peers.MX, peers.OUTSIDE_MX, self.host.path("/var/spool/postfix"),
            self.host.path("/dev/log"), str(self.WORKERS)])
        wait_for(self._greets, "the least relay")
        time.sleep(1)

    def cpu(self):
        user = system = 0
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            workers = file.read().split()
        for pid in workers:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]) / TICK, system + int(fields[12]) / TICK
        return {"least": (user, system)}

    def close(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()
        super().close()
