"""The plug is pulled: queue and mailboxes are on a disk that remembers every write and flush. Images of what a power loss
could have left, at random moments under load and at the very moment of an acknowledgement, are mounted, checked and started:
everything acknowledged before is there.

    POINTS=200 SEED=1 Acceptance/run --install DIR --only power_loss"""

import collections
import os
import random
import signal
import time

from lab import ledger
from lab.blocklog import Disk, Replay
from lab.disk import Mounted
from lab.host import sh
from lab.ledger import Ledger
from lab.load import Burst

WORLD = {"mutate": ledger.mutate, "spamd": False, "dovecot": False}
START = False

def _pull_the_plug(world):
    for _ in range(100):
        found = world.mta.processes()
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
    raise AssertionError(f"still there: {found}")


def _make(world, disk, *mkfs):
    sh(*mkfs, disk.device)
    return Mounted(world, disk.device)


def _run_on(world, disk, book, seed, seconds):
    """Load on the disk; returns the first position at which there is a server."""
    mounted = _make(world, disk, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")
    try:
        mounted.fill()
        sh("sync", "-f", mounted.point)
        mounted.enter()
        world.mta.start()
        first = disk.position()
        Burst(world, book, seed, "p", seconds).wait()
        _pull_the_plug(world)
        book.look()
    finally:
        _pull_the_plug(world)
        mounted.leave()
    return first


def _check(world, book, image, position):
    """Mounts the image (which replays its journal), checks it, starts a server on it; returns how many recipients it owed."""
    device = sh("losetup", "--find", "--show", image).strip()
    try:
        Mounted(world, device).leave()
        sh("e2fsck", "-fn", device)
        owed = book.owed(position)
        mounted = Mounted(world, device).enter()
        view = book.view()
        try:
            world.mta.start()
            view.settle(60, owed)
        finally:
            _pull_the_plug(world)
            mounted.leave()
            view.server.close()
        return len(owed)
    finally:
        sh("losetup", "-d", device)
        os.unlink(image)


def scenario_power_loss(world):
    seed, points = ledger.seed(), int(os.environ.get("POINTS") or 12)
    print(f"     SEED={seed} POINTS={points}", flush=True)
    rng = random.Random(seed)
    disk = Disk(os.path.join(world.mx.directory, "disk"), 128)
    try:
        book = Ledger.of(world)
        book.clock = disk.position
        first = _run_on(world, disk, book, seed, 3)
        last = disk.position()
        book.server.close()
        marks = sorted(p.mark for p in book.promises.values() if p.acknowledged)
        # Half of the moments at random, half when a client had just heard its 250.
        moments = sorted([rng.randint(first, last) for _ in range(points // 2)] + [rng.choice(marks) for _ in range(points - points // 2)])
        replay, owed, lost = Replay(disk), 0, collections.Counter()
        for position in moments:
            survives = rng.choice(("none", "none", "all", "some", "torn"))
            replay.advance(position)
            image = os.path.join(world.mx.directory, f"crashed-{position}")
            waiting = replay.write(image, rng, survives)
            try:
                owed += _check(world, book, image, position)
            except Exception as error:
                raise AssertionError(f"power loss at {position}, surviving of {waiting} writes: {survives}") from error
            lost[survives] += 1
        print(f"     {len(marks)} messages, {last - first} writes and flushes; {points} power losses {dict(lost)}, {owed} recipients owed", flush=True)
    finally:
        disk.close()


def scenario_the_disk_forgets(world):
    """What was not synchronised is lost on this disk, else the scenario above would prove nothing."""
    disk = Disk(os.path.join(world.mx.directory, "forgetful"), 32)
    image = os.path.join(world.mx.directory, "crashed")
    try:
        mounted = _make(world, disk, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")
        sizes = []
        for name, synchronises in (("safe", True), ("unsafe", False)):
            descriptor = os.open(f"{mounted.point}/{name}", os.O_WRONLY | os.O_CREAT)
            os.write(descriptor, b"mail\n" * 1000)
            if synchronises:
                os.fsync(descriptor)
            os.close(descriptor)
        position = disk.position()
        mounted.leave()
        for survives in ("none", "all"):
            replay = Replay(disk)
            replay.advance(position)
            replay.write(f"{image}-{survives}", random.Random(1), survives)
            mounted = Mounted(world, f"{image}-{survives}", "-o", "loop")
            sizes.append({name: os.path.getsize(f"{mounted.point}/{name}") for name in os.listdir(mounted.point) if name.endswith("safe")})
            mounted.leave()
        assert all(found.get("safe") == 5000 and found.get("unsafe", 0) == 0 for found in sizes), sizes
    finally:
        disk.close()
