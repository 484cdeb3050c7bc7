"""Separation: what somebody could do who has taken over the process that takes mail. A debug build of the server tries it
from inside (`separation-probe`, Sources/Runtime/SeparationProbe.swift)."""

import collections
import ctypes
import os
import re
import shutil

from lab import peers
from lab.mta import HERE
from lab.smtp import message, wait_for

DEBUG = os.path.join(os.path.dirname(HERE), ".build", "debug", "apus")


def _mutate(name, text):
    if name == "main.cf":
        return text.replace("virtual_transport = spamass-dovecot", "virtual_transport = virtual") + \
            "\nsmtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\n"
    return text


WORLD = {"dovecot": False, "spamd": False, "mutate": _mutate}
START = False

# What must be refused, and to whom. Last, the version of landlock that refuses it, where nothing else does: the file belongs to
# the server's user, or anybody may write there.
REFUSED = """
receive read /etc/shadow
receive read /root/secret
receive read /var/mail/victim
receive read /etc/letsencrypt/live/example.com/privkey.pem
receive read active/PROBE 2
receive read deferred/PROBE 2
receive list active 2
receive write /tmp/evil 2
receive write /etc/evil
receive write active/EVIL 2
receive write maildrop/EVIL 2
receive write pid/evil
receive append /var/log/mail.log
receive remove deferred/PROBE 2
receive execute /bin/true
receive spawn /bin/true
receive trace 1
receive signal 1
receive bind 2600 4
receive listen 0
receive identity 0
send read /root/secret
send read deferred/PROBE 2
send read incoming/PROBE 2
send write incoming/EVIL 2
send write active/EVIL 2
send write /tmp/evil 2
send execute /bin/true
send spawn /bin/true
send trace 1
send bind 2600 4
queue read /root/secret
queue write /tmp/evil 2
queue write /var/log/evil
queue execute /bin/true
queue spawn /bin/true
queue trace 1
queue bind 2600 4
queue identity 0
"""
ALLOWED = """
receive write incoming/probe
receive remove incoming/probe
queue write deferred/probe
queue remove deferred/probe
send bind 0
"""


# Starts a program as a kernel without landlock would: its three system calls are not there.
WITHOUT_LANDLOCK = r"""#!/usr/bin/python3
import ctypes, os, struct, sys
# Load the number; below 444 and above 446: allowed; else ENOSYS.
program = b"".join(struct.pack("=HBBI", *step) for step in (
    (0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)))
buffer = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(struct.pack("@HP", 5, ctypes.addressof(buffer)))
if ctypes.CDLL(None).prctl(22, 2, filter, 0, 0) != 0:
    sys.exit("no filter")
os.execvp(sys.argv[1], sys.argv[1:])
"""


def _landlock():
    """The kernel's version of landlock; 0 without."""
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


def _steps(text):
    """(process, action, argument) with the version of landlock that it needs."""
    for line in text.split("\n"):
        if line:
            words = line.split()
            yield tuple(words[:3]), int(words[3]) if len(words) > 3 else 0


def _probe(world, *wrapper):
    host = world.mx
    world.mta.stop() if world.mta.running() else None
    host.write("/etc/postfix/separation-probe", "".join(" ".join(step) + "\n" for step, _ in [*_steps(REFUSED), *_steps(ALLOWED)]))
    for queue in ("active", "deferred", "incoming"):
        host.write(f"/var/spool/postfix/{queue}/PROBE", "not mail\n", 0o600)
        host.run("chown", "postfix", f"/var/spool/postfix/{queue}/PROBE")
    mark = len(world.mta.log())
    host.run(*wrapper, "postfix", "start")
    world.mta.wait_port(25)
    client = world.greeted()
    assert client.mail("someone@example.net", ["bar@example.com"], message("after-the-probe")).startswith("250 ")
    client.quit()
    # `send` starts with the first delivery.
    world.mta.wait_log(r"postfix/send\[\d+\]: probe: bind 0: ", after=mark)
    log = world.mta.log()[mark:]
    assert not re.search(r"killed by signal|bad command startup", log), log
    found = re.findall(r"postfix/(\w+)\[\d+\]: probe: (\w+) (\S+): (.*)$", log, re.M)
    # Several processes of a kind try the same, and one may remove the file of another.
    results = collections.defaultdict(set)
    for process, action, argument, outcome in found:
        results[process, action, argument].add(outcome)
    return results, log


def _check(results, log, version, what):
    """Everything that this version of landlock, or something older, refuses is refused. Returns what was left out."""
    left = []
    for step, needs in _steps(REFUSED):
        if needs > version:
            left.append(" ".join(step))
            continue
        assert results[step] and "done" not in results[step], f"{what}: {step}: {results[step]}\n{log[-6000:]}"
    for step, _ in _steps(ALLOWED):
        assert "done" in results[step], f"{what}: {step}: {results[step]}"
    # Refused system calls are named, once each.
    assert re.search(r"warning: separation: system call \d+ was refused to the process receive", log), log
    return left


def _prepare(world):
    if not os.path.exists(DEBUG):
        raise AssertionError("build the debug version first: swift build --product apus")
    host = world.mx
    host.run("postfix", "stop", check=False)
    os.unlink(host.path("/usr/libexec/apus/apus"))
    shutil.copy(DEBUG, host.path("/usr/libexec/apus/apus"))
    host.write("/usr/local/bin/without-landlock", WITHOUT_LANDLOCK, 0o755)
    if host.run("id", "victim", check=False).returncode != 0:
        host.run("useradd", "-m", "victim")
    host.write("/var/mail/victim", "mail\n", 0o660)
    host.run("chown", "victim:mail", "/var/mail/victim")
    host.write("/root/secret", "x\n", 0o600)


def _finish(world):
    world.mta.stop()
    os.unlink(world.mx.path("/etc/postfix/separation-probe"))
    for queue in ("active", "deferred", "incoming", "maildrop"):
        for name in ("PROBE", "EVIL"):
            path = world.mx.path(f"/var/spool/postfix/{queue}/{name}")
            os.unlink(path) if os.path.exists(path) else None


def scenario_from_inside(world):
    """With a chroot and without: nothing of the list can be done, and mail flows."""
    _prepare(world)
    host, version = world.mx, _landlock()
    master = host.read("/etc/postfix/master.cf")
    world.server()
    for chroot in ("y", "n"):
        lines = [re.sub(r"^(smtp\s+(?:inet|unix)\s+\S+\s+\S+\s+)\S+", rf"\g<1>{chroot}", line) for line in master.splitlines()]
        host.write("/etc/postfix/master.cf", "\n".join(lines) + "\n")
        left = _check(*_probe(world), version, f"chroot {chroot}")
    if left:
        print(f"     not tested, this kernel's landlock has version {version}: {', '.join(left)}", flush=True)
    assert version < 2 or not os.path.exists(host.path("/tmp/evil"))
    host.write("/etc/postfix/master.cf", master)
    _finish(world)


def scenario_without_landlock(world):
    """A kernel without it: said in one line; what seccomp, chroot and the users refuse is still refused, and mail flows."""
    _prepare(world)
    world.server()
    results, log = _probe(world, "without-landlock")
    _check(results, log, 0, "without landlock")
    assert "separation: the kernel has no landlock" in log, log
    assert "no landlock in this kernel" in world.mx.run("without-landlock", "postfix", "-v", "check").stdout
    _finish(world)


def _unconfined(world):
    found = []
    for pid, name in world.mta.processes().items():
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
        if name in ("receive", "queue", "send"):
            if not ("\nNoNewPrivs:\t1\n" in status and "\nSeccomp:\t2\n" in status and
                    re.search(r"^CapEff:\s+0+$", status, re.M)):
                found.append((name, status))
        if name == "deliver" and "\nSeccomp:\t2\n" not in status:
            found.append((name, status))
    return found


def scenario_check_says_what_is_active(world):
    host = world.mx
    assert "separation:" not in host.run("postfix", "check").stdout
    text = host.run("postfix", "-v", "check").stdout
    landlock = f"landlock version {_landlock()}" if _landlock() >= 2 else "no landlock in this kernel"
    assert re.search(rf"separation: .*no_new_privs; seccomp; {landlock}", text), text
    world.mta.start()
    # A process that has just been started is not confined yet.
    wait_for(lambda: not _unconfined(world), lambda: f"confined processes: {_unconfined(world)}", 20)
    mark = world.mta.log().rindex("starting the ")
    assert _landlock() < 2 or "separation: the kernel has no" not in world.mta.log()[mark:]
    # Without them, on request.
    world.mta.stop()
    main = host.read("/etc/postfix/main.cf")
    host.write("/etc/postfix/main.cf", main + "import_environment = APUS_SEPARATION=no\n")
    assert "switched off" in host.run("postfix", "-v", "check").stdout
    world.mta.start()
    for pid, name in world.mta.processes().items():
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
        assert "\nSeccomp:\t0\n" in status, (name, status)
    world.mta.stop()
    host.write("/etc/postfix/main.cf", main)


scenario_from_inside.only_for = scenario_without_landlock.only_for = scenario_check_says_what_is_active.only_for = ("apus",)
