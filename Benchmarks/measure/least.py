"""The least relay (Bound/least-relay.c) in place of a server: what the kernel takes for a message, whoever serves it."""

import os
import subprocess
import tempfile
import time

from lab import peers
from lab.smtp import wait_for
from measure.server import ROOT, Server, processor_time


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
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            times = [processor_time(pid) for pid in file.read().split()]
        return {"least": tuple(map(sum, zip(*times)))}

    def close(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()
        super().close()
