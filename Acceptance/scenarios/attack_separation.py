"""Separation: what somebody could do who has taken over the process that takes mail. A debug build of the server tries it
from inside (`separation-probe`, Sources/Runtime/SeparationProbe.swift)."""

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

# What must be refused, and to whom.
REFUSED = """
receive read /etc/shadow
receive read /root/secret
receive read /var/mail/victim
receive read /etc/letsencrypt/live/example.com/privkey.pem
receive read active/PROBE
receive read deferred/PROBE
receive list active
receive write /tmp/evil
receive write /etc/evil
receive write active/EVIL
receive write maildrop/EVIL
receive write pid/evil
receive append /var/log/mail.log
receive remove deferred/PROBE
receive execute /bin/true
receive spawn /bin/true
receive trace 1
receive signal 1
receive bind 2600
receive listen 0
receive identity 0
send read /root/secret
send read deferred/PROBE
send read incoming/PROBE
send write incoming/EVIL
send write active/EVIL
send write /tmp/evil
send execute /bin/true
send spawn /bin/true
send trace 1
send bind 2600
queue read /root/secret
queue write /tmp/evil
queue write /var/log/evil
queue execute /bin/true
queue spawn /bin/true
queue trace 1
queue bind 2600
queue identity 0
"""
ALLOWED = """
receive write incoming/probe
receive remove incoming/probe
queue write deferred/probe
queue remove deferred/probe
send bind 0
"""


def _probe(world):
    host = world.mx
    world.mta.stop() if world.mta.running() else None
    host.write("/etc/postfix/separation-probe", REFUSED.lstrip() + ALLOWED.lstrip())
    mark = len(world.mta.log())
    world.mta.start()
    client = world.greeted()
    assert client.mail("someone@example.net", ["bar@example.com"], message("after-the-probe")).startswith("250 ")
    client.quit()
    # `send` starts with the first delivery.
    world.mta.wait_log(r"postfix/send\[\d+\]: probe: bind 0: ", after=mark)
    log = world.mta.log()[mark:]
    assert not re.search(r"killed by signal|bad command startup", log), log
    return re.findall(r"postfix/(\w+)\[\d+\]: probe: (\w+) (\S+): (.*)$", log, re.M), log


def scenario_from_inside(world):
    """With a chroot and without: nothing of the list can be done, and mail flows."""
    if not os.path.exists(DEBUG):
        raise AssertionError("build the debug version first: swift build --product apus")
    host = world.mx
    installed = host.path("/usr/libexec/apus/apus")
    shutil.copy(DEBUG, installed)
    host.run("useradd", "-m", "victim")
    host.write("/var/mail/victim", "mail\n", 0o660)
    host.run("chown", "victim:mail", "/var/mail/victim")
    host.write("/root/secret", "x\n", 0o600)
    for queue in ("active", "deferred", "incoming"):
        directory = f"/var/spool/postfix/{queue}"
        host.write(f"{directory}/PROBE", "not mail\n", 0o600)
        host.run("chown", "postfix", f"{directory}/PROBE")
    master = host.read("/etc/postfix/master.cf")
    server = world.server()
    for chroot in ("y", "n"):
        for queue in ("active", "deferred", "incoming"):
            host.write(f"/var/spool/postfix/{queue}/PROBE", "not mail\n", 0o600)
            host.run("chown", "postfix", f"/var/spool/postfix/{queue}/PROBE")
        lines = [re.sub(r"^(smtp\s+(?:inet|unix)\s+\S+\s+\S+\s+)\S+", rf"\g<1>{chroot}", line) for line in master.splitlines()]
        host.write("/etc/postfix/master.cf", "\n".join(lines) + "\n")
        found, log = _probe(world)
        results = {(process, action, argument): outcome for process, action, argument, outcome in found}
        for step in REFUSED.split("\n"):
            if step:
                outcome = results.get(tuple(step.split()))
                assert outcome and outcome != "done", f"chroot {chroot}: {step}: {outcome}\n{log[-6000:]}"
        for step in ALLOWED.split("\n"):
            if step:
                assert results.get(tuple(step.split())) == "done", f"{step}: {results.get(tuple(step.split()))}"
        # Refused system calls are named, once each.
        assert re.search(r"warning: separation: system call \d+ was refused to the process receive", log), log
    world.mta.stop()
    assert not os.path.exists(host.path("/tmp/evil"))
    server.close()
    world._open.remove(server)
    os.unlink(host.path("/etc/postfix/separation-probe"))


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
    text = host.run("postfix", "check").stdout
    assert re.search(r"separation: .*no_new_privs; seccomp; landlock version \d+", text), text
    world.mta.start()
    # A process that has just been started is not confined yet.
    wait_for(lambda: not _unconfined(world), lambda: f"confined processes: {_unconfined(world)}", 20)
    assert "separation: the kernel has no" not in world.mta.log()
    # Without them, on request.
    world.mta.stop()
    main = host.read("/etc/postfix/main.cf")
    host.write("/etc/postfix/main.cf", main + "import_environment = APUS_SEPARATION=no\n")
    assert "switched off" in host.run("postfix", "check").stdout
    world.mta.start()
    for pid, name in world.mta.processes().items():
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
        assert "\nSeccomp:\t0\n" in status, (name, status)
    world.mta.stop()
    host.write("/etc/postfix/main.cf", main)


scenario_from_inside.only_for = scenario_check_says_what_is_active.only_for = ("apus",)
