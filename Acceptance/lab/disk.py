"""A file system of its own for the queue and the mailboxes."""

import os
import subprocess
import time

from lab.host import sh
from lab.ledger import QUEUE

# What the disk holds: directory on it → place on the host.
PLACES = {"spool": QUEUE, "mail": "/var/mail", "mdir": "/home/mdir", "vmail": "/var/vmail"}


class Mounted:
    """A file system, and its directories in their places on the host."""

    def __init__(self, world, source, *options):
        self.world = world
        self.point = os.path.join(world.mx.directory, "disk-mounted")
        os.makedirs(self.point, exist_ok=True)
        sh("mount", *options, source, self.point)
        self.mounts = [self.point]

    def fill(self):
        """A new disk gets what the places hold now."""
        for name, place in PLACES.items():
            sh("cp", "-a", self.world.mx.path(place), f"{self.point}/{name}")
        # What stands there was there long before any trouble of the disk.
        os.sync()

    def enter(self):
        for name, place in PLACES.items():
            self._mount("--bind", f"{self.point}/{name}", self.world.mx.path(place))
        return self

    def own_pid_directory(self):
        """Lock files elsewhere: the disk can become read-only under a running server, which holds them open."""
        place = self.world.mx.path(QUEUE + "/pid")
        self._mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", place)

    def _mount(self, *arguments):
        sh("mount", *arguments)
        self.mounts.append(arguments[-1])

    def leave(self):
        for mount in reversed(self.mounts):
            for _ in range(100):
                if subprocess.run(["umount", mount], stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.05)
            else:
                sh("umount", mount)

    # Taking it up

    def fill_up(self):
        """Not a block is left, not even for the superuser."""
        with open(self.point + "/filler", "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 14, 1 << 10):
                while True:
                    try:
                        if file.write(b"x" * size) == 0:
                            break
                    except OSError:
                        break

    def use_all_inodes(self):
        os.makedirs(self.point + "/many", exist_ok=True)
        number = len(os.listdir(self.point + "/many"))
        while True:
            try:
                os.close(os.open(f"{self.point}/many/{number}", os.O_CREAT | os.O_WRONLY))
            except OSError:
                return
            number += 1

    def make_room(self):
        """Undoes both."""
        sh("rm", "-rf", self.point + "/filler", self.point + "/many")
