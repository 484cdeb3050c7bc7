"""Descriptors, memory and the log run out, and the clock jumps: nothing acknowledged is lost, and all is well again without a restart."""

import os
import re
import struct
import subprocess
import time

from lab import ledger
from lab.host import SyslogCollector, sh
from lab.ledger import Ledger
from lab.load import Burst
from lab.probe import Alive, Probe
from lab.smtp import wait_for

CLOCK = "/var/spool/postfix/clock"
FALSE_CLOCK = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab", "clock.c")


def _mutate(name, text):
    text = ledger.mutate(name, text)
    if name == "main.cf":
        text += ("maximal_backoff_time = 2s\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n"
                 "import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C LD_PRELOAD CLOCK_OFFSET_FILE\n")
    if name == "master.cf":
        # Without chroot: the library of the false clock reads a file.
        text = re.sub(r"^(\S+ +\S+ +\S+ +\S+) +y ", r"\1 n ", text, flags=re.M)
    return text


WORLD = {"mutate": _mutate, "spamd": False, "dovecot": False}


def _processes(world, name):
    return [pid for pid, its in world.mta.processes().items() if its == name]


def _limit(pid, *limits):
    """Sets soft limits of a running process, as the user that it runs as: that needs no capability."""
    with open(f"/proc/{pid}/status") as file:
        status = file.read()
    user, group = (int(re.search(rf"^{name}:\t(\d+)", status, re.M).group(1)) for name in ("Uid", "Gid"))
    subprocess.run(["prlimit", "--pid", str(pid), *limits], check=True, user=user, group=group, extra_groups=[])


def _open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def _descriptors(world, name, more):
    """A process may open a few files more and that is all; mail comes in meanwhile."""
    book = Ledger.of(world)
    probe = Probe(world, book)
    probe.accepted()
    book.settle()
    alive = Alive(world)
    pids = _processes(world, name)
    assert pids, f"no {name}: {world.mta.processes()}"
    mark = len(world.mta.log())
    for pid in pids:
        _limit(pid, f"--nofile={_open_files(pid) + more}:")
    burst = Burst(world, book, f"files{name}", f"files{name}", 2)
    clients = []
    if name == "receive":
        for _ in range(more + 20):
            try:
                clients.append(world.mx.connect("127.0.0.1", 25, timeout=2))
            except OSError:
                break
        world.mta.wait_log(r"(Too many open files|too many open files)", after=mark)
    burst.wait()
    alive.check()
    for client in clients:
        client.close()
    for pid in pids:
        _limit(pid, "--nofile=4096:")
    probe.accepted()
    book.settle()
    alive.check()


def scenario_descriptors_of_receive(world):
    _descriptors(world, "receive", 8)


def scenario_descriptors_of_queue(world):
    _descriptors(world, "queue", 2)


def scenario_descriptors_of_send(world):
    _descriptors(world, "send", 2)


def scenario_descriptors_of_deliver(world):
    _descriptors(world, "deliver", 2)


def scenario_address_space(world):
    """No page more for any process: whoever ends for it is started again, and nothing is lost."""
    book = Ledger.of(world)
    Probe(world, book).accepted()
    limited = []
    for name in ("receive", "queue", "send", "deliver"):
        for pid in _processes(world, name):
            with open(f"/proc/{pid}/statm") as file:
                pages = int(file.read().split()[0])
            _limit(pid, f"--as={pages * 4096 + (1 << 20)}:")
            limited.append(pid)
    Burst(world, book, "space", "space", 2).wait()
    for pid in limited:
        if pid in world.mta.processes():
            _limit(pid, "--as=unlimited:")
    Probe(world, book).accepted(60)
    book.settle()


# The names are those of Apus' processes.
for _scenario in (scenario_descriptors_of_receive, scenario_descriptors_of_queue, scenario_descriptors_of_send, scenario_descriptors_of_deliver,
                  scenario_address_space):
    _scenario.only_for = ("apus",)


def _memory_group(world):
    for base in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        group = f"{base}/{world.mx.name}"
        limit = "memory.limit_in_bytes" if base.endswith("memory") else "memory.max"
        try:
            os.makedirs(group)
        except OSError:
            continue
        if os.path.exists(f"{group}/{limit}"):
            return group, limit
        os.rmdir(group)
    return None, None


def scenario_memory(world):
    """All processes together in a memory control group that is too small: some are killed for it, again and again."""
    group, limit = _memory_group(world)
    if group is None:
        print("     no memory control group on this machine: nothing was tried", flush=True)
        return
    book = Ledger.of(world)
    Probe(world, book).accepted()
    try:
        for pid in world.mta.processes():
            with open(f"{group}/cgroup.procs", "w") as file:
                file.write(str(pid))
        mark = len(world.mta.log())
        # What they have, and nothing of it may be swapped or grow.
        with open(f"{group}/{limit}", "w") as file:
            file.write(str(12 << 20))
        Burst(world, book, "memory", "memory", 3).wait()
        with open(f"{group}/{limit}", "w") as file:
            file.write("-1" if limit.endswith("bytes") else "max")
        killed = len(re.findall("killed by signal 9", world.mta.log()[mark:]))
        print(f"     {killed} processes killed for want of memory", flush=True)
        if not world.mta.running():
            wait_for(lambda: world.mx.run("postfix", "start", check=False).returncode == 0, "a new start", 60)
        Probe(world, book).accepted(60)
        book.settle()
    finally:
        world.mx.run("postfix", "stop", check=False)
        wait_for(lambda: not world.mta.processes(), "the server's end")

        def removed():
            try:
                os.rmdir(group)
                return True
            except OSError:
                return False
        wait_for(removed, "the control group to be empty")
        world.mta.start()


# The log


def scenario_log_goes_away(world):
    """syslogd is gone: mail goes on; it comes back: so do the lines."""
    book = Ledger.of(world)
    probe = Probe(world, book)
    probe.accepted()
    world.mx.stop_syslog()
    Burst(world, book, "nolog", "nolog", 1).wait()
    probe.accepted()
    # The collector begins a new file, as a rotated log.
    world.mx.collect_syslog()
    probe.accepted()
    world.mta.wait_log(r"status=sent")
    book.settle()


def scenario_log_hangs(world):
    """syslogd no longer reads: mail goes on, the lines that had no room are counted, and new ones come when it reads again."""
    book = Ledger.of(world)
    probe = Probe(world, book)
    probe.accepted()
    book.settle()
    world.mx.stop_syslog()
    silent = SyslogCollector(world.mx.path("/dev/log"), world.mx.path("/var/log/mail.log"), reads=False)
    try:
        alive = Alive(world)
        began = time.monotonic()
        for _ in range(30):
            probe.accepted(60)
        assert time.monotonic() - began < 40, "the log holds up mail"
        Burst(world, book, "deaf", "deaf", 2).wait()
        alive.check()
    finally:
        silent.read()
    probe.accepted()
    world.mta.wait_log(r"warning: \d+ log lines? lost")
    world.mta.wait_log(r"status=sent")
    silent.close()
    os.unlink(world.mx.path("/dev/log"))
    world.mx.collect_syslog()
    book.settle()


# syslog(3) waits in Debian's Postfix, as long as it takes.
scenario_log_hangs.only_for = ("apus",)


def scenario_log_file_without_room(world):
    """maillog_file on a full file system: mail goes on; with room, lines come again."""
    book = Ledger.of(world)
    place = world.mx.path("/var/log/small")
    os.makedirs(place, exist_ok=True)
    sh("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place)
    main = world.mx.read("/etc/postfix/main.cf")
    try:
        world.mta.stop()
        world.mx.write("/etc/postfix/main.cf", main + "maillog_file = /var/log/small/mail.log\nmaillog_file_prefixes = /var\n")
        world.mta.start()
        probe = Probe(world, book)
        probe.accepted()
        Burst(world, book, "file", "file", 2).wait()
        assert os.statvfs(place).f_bavail == 0, "the log is not full"
        alive = Alive(world)
        probe.accepted()
        book.settle()
        alive.check()
        os.truncate(place + "/mail.log", 0)
        probe.accepted()
        wait_for(lambda: "status=sent" in world.mx.read("/var/log/small/mail.log"), "lines in the log")
        book.settle()
        alive.check()
    finally:
        world.mx.run("postfix", "stop", check=False)
        world.mx.write("/etc/postfix/main.cf", main)
        wait_for(lambda: os.system(f"umount {place} 2>/dev/null") == 0, "the log's file system")
        world.mta.start()


# Debian's postlogd writes no more after its file was full for a while.
scenario_log_file_without_room.only_for = ("apus",)


# The clock


def _set_clock(world, seconds):
    with open(world.mx.path(CLOCK), "r+b") as file:
        file.write(struct.pack("=q", seconds))


def scenario_clock_jumps(world):
    """A day forth, and two back, under load: nothing dies, nothing waits for a time that is not to come."""
    book = Ledger.of(world)
    world.mta.stop()
    sh("cc", "-shared", "-fPIC", "-O1", "-o", world.mx.path("/usr/lib/false-clock.so"), FALSE_CLOCK, "-ldl")
    with open(world.mx.path(CLOCK), "wb") as file:
        file.write(bytes(8))
    os.chmod(world.mx.path(CLOCK), 0o644)
    world.mx.run("env", "LD_PRELOAD=/usr/lib/false-clock.so", f"CLOCK_OFFSET_FILE={CLOCK}", "postfix", "start")
    world.mta.wait_port(25)
    try:
        probe = Probe(world, book, ("ok", "later", "mbox", "maildir", "vmaildir", "no"))
        probe.accepted()
        world.mta.wait_log(r"status=deferred")
        alive = Alive(world)
        for number, offset in enumerate((86400, -86400, 0, 30, -30)):
            mark = len(world.mta.log())
            burst = Burst(world, book, f"clock{number}", f"clock{number}", 1)
            time.sleep(0.3)
            _set_clock(world, offset)
            burst.wait()
            probe.accepted()
            world.mta.wait_log(r"status=sent", after=mark)
            alive.check()
        # Files have the kernel's time, as on a file server whose clock is another: what lies in the future waits for it.
        _set_clock(world, 0)
        book.settle()
        stamps = set(line[:6] for line in world.mta.log().splitlines())
        assert len(stamps) >= 3, f"the clock did not jump: {stamps}"
        assert not re.search(r"delays?=-", world.mta.log()), "a negative delay"
    finally:
        world.mta.stop()
        world.mta.start()


# Debian's postfix(1) takes LD_PRELOAD out of the environment before it reads import_environment.
scenario_clock_jumps.only_for = ("apus",)
