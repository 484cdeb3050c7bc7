"""Queue and mailboxes on a small ext4: full, without inodes, read-only, damaged. Mail is refused with a 4xx and a log line, what
was acknowledged is kept, and all is well again without a restart."""

import contextlib
import itertools
import os
import time

from lab import ledger
from lab.disk import Mounted
from lab.host import sh
from lab.ledger import Ledger
from lab.load import Burst
from lab.probe import Alive, Probe
from lab.smtp import wait_for


def _mutate(name, text):
    text = ledger.mutate(name, text)
    if name == "main.cf":
        # The disk itself shall say no.
        text = text.replace("queue_minfree = 20971520", "queue_minfree = 0")
        text += "maximal_backoff_time = 2s\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n"
    return text


WORLD = {"mutate": _mutate, "spamd": False, "dovecot": False}


@contextlib.contextmanager
def _disk(world, megabytes=24, *mkfs):
    """The server on a small disk; afterwards on its old place again."""
    book = Ledger.of(world)
    world.mta.stop()
    image = os.path.join(world.mx.directory, "small")
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    sh("mkfs.ext4", "-q", "-m", "0", "-J", "size=2", *mkfs, image)
    mounted = Mounted(world, image, "-o", "loop,errors=remount-ro")
    try:
        mounted.fill()
        mounted.enter()
        mounted.own_pid_directory()
        world.mta.start()
        yield mounted, book
        world.mta.stop()
    finally:
        world.mx.run("postfix", "abort", check=False)
        wait_for(lambda: not world.mta.processes(), "the server's end")
        mounted.leave()
        os.unlink(image)
        world.mta.start()


def _settled(world, mounted, book):
    book.settle()
    # These mailboxes go with the disk.
    book.archive()
    world.mta.stop()
    assert not [path for path in book.orphans() if os.stat(f"{world.mx.path(ledger.QUEUE)}/{path}").st_mode & 0o700 != 0o600], book.orphans()
    world.mta.start()


def _trouble(world, book, cause, cure, pattern, log, lines=1):
    """Trouble comes while mail does: the right answer, a line in the log, no death; and it goes again."""
    alive, probe = Alive(world), Probe(world, book)
    probe.accepted()
    mark = len(world.mta.log())
    burst = Burst(world, book, f"trouble{mark}", f"t{mark}", 3)
    cause()
    answer = probe.refused(pattern, lines=lines)
    world.mta.wait_log(log, after=mark)
    # Deliveries that can be noted nowhere, flushes that can do nothing.
    for _ in range(5):
        world.mx.run("postfix", "flush", check=False)
        time.sleep(0.1)
    burst.wait()
    alive.check()
    cure()
    probe.accepted()
    alive.check()
    print(f"     {answer}", flush=True)


def scenario_full(world):
    with _disk(world) as (mounted, book):
        _trouble(world, book, mounted.fill_up, mounted.make_room, r"4\d\d 4\.3\.[01] ",
                 r"warning: .*(No space left on device|Insufficient|write)", lines=2000)
        _settled(world, mounted, book)


def scenario_no_inodes(world):
    with _disk(world, 24, "-N", "512") as (mounted, book):
        _trouble(world, book, mounted.use_all_inodes, mounted.make_room, r"4\d\d 4\.3\.[01] ", r"warning: .*No space left on device")
        _settled(world, mounted, book)


def _stock(world):
    """How many spare queue files the server holds open."""
    found = 0
    for pid, name in world.mta.processes().items():
        for link in os.listdir(f"/proc/{pid}/fd") if name == "receive" else ():
            try:
                found += "/spare/" in os.readlink(f"/proc/{pid}/fd/{link}")
            except OSError:
                pass
    return found


def scenario_read_only(world):
    """Remounted under a server that was busy a moment ago: it gives back what it holds open for the next messages."""
    with _disk(world, 64) as (mounted, book):
        client, numbers = world.greeted(), itertools.count()

        def busy():
            book.send(client, book.one("ok", f"many{next(numbers)}"), None, chunks=0)
            return _stock(world)
        wait_for(busy, "spare files", pause=0)
        client.quit()

        def remount(how):
            # As long as a file is open for writing, the kernel refuses to.
            wait_for(lambda: os.system(f"mount -o remount,{how} {mounted.point} 2>/dev/null") == 0, f"remount,{how}", 60)
        _trouble(world, book, lambda: remount("ro"), lambda: remount("rw"), r"4\d\d 4\.3\.[01] ", r"warning: .*Read-only file system")
        _settled(world, mounted, book)


# Debian's cleanup tries to make a file every ten seconds for ever, with the client waiting.
for _scenario in (scenario_no_inodes, scenario_read_only):
    _scenario.only_for = ("apus",)


def scenario_damaged(world):
    """An error in the file system makes it read-only for good: 4xx; after fsck and a start everything is there."""
    with _disk(world) as (mounted, book):
        probe, alive = Probe(world, book), Alive(world)
        probe.accepted()
        device = os.path.basename(sh("findmnt", "-n", "-o", "SOURCE", mounted.point).strip())
        Burst(world, book, "damaged", "damaged", 1).wait()
        with open(f"/sys/fs/ext4/{device}/trigger_fs_error", "w") as trigger:
            trigger.write("the laboratory says so")
        answer = probe.refused(r"4\d\d 4\.3\.[01] ")
        alive.check()
        print(f"     {answer}", flush=True)
        world.mx.run("postfix", "abort", check=False)
        wait_for(lambda: not world.mta.processes(), "the server's end")
        keep = sh("losetup", "--find", "--show", os.path.join(world.mx.directory, "small")).strip()
        try:
            mounted.leave()
            wait_for(lambda: not os.path.exists(f"/sys/fs/ext4/{device}"), "the file system to go")
            assert os.system(f"e2fsck -fy {keep} >/dev/null 2>&1") in (0, 256), "fsck"
            again = Mounted(world, keep)
            mounted.mounts = []
            again.enter()
            try:
                world.mta.start()
                book.settle()
                book.archive()
                world.mta.stop()
            finally:
                world.mx.run("postfix", "abort", check=False)
                wait_for(lambda: not world.mta.processes(), "the server's end")
                again.leave()
        finally:
            sh("losetup", "-d", keep)
        world.mta.start()


scenario_damaged.only_for = ("apus",)
