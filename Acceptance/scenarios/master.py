"""master: process limits, reloads with other endpoints and services, services that are later rooms."""

import os
import re
import signal
import socket
import time

from lab import peers
from lab.smtp import Client, message, wait_for


def _mutate(name, text):
    if name == "main.cf":
        text = text.replace("smtpd_client_connection_rate_limit = 30", "smtpd_client_connection_rate_limit = 0")
    return text


WORLD = {"spamd": False, "dovecot": False, "mutate": _mutate}


def _listens(world, port, address=peers.MX):
    try:
        connection = world.outside.connect(address, port, timeout=3)
    except OSError:
        return False
    connection.close()
    return True


def _append(world, name, text):
    world.mx.write("/etc/postfix/" + name, world.mx.read("/etc/postfix/" + name) + text)


def scenario_session_limit(world):
    """maxproc of a service: so many sessions at a time, and the next waits until one has ended."""
    _append(world, "master.cf", "2501 inet n - y - 2 smtpd\n    -o smtpd_client_connection_count_limit=0\n")
    world.mta.reload()
    wait_for(lambda: _listens(world, 2501), "port 2501")
    # Who only asked whether somebody listens has gone.
    world.mta.wait_log(r"disconnect from \S+ commands=0/0")
    first, second = world.client(2501), world.client(2501)
    third = world.client(2501, greeting=False, timeout=20)
    third.socket.settimeout(1)
    try:
        assert not third.socket.recv(1), "a third session was served"
    except socket.timeout:
        pass
    first.quit()
    third.socket.settimeout(20)
    assert third.socket.recv(200).startswith(b"220 ")
    second.quit()
    third.close()


def scenario_delivery_limit(world):
    """maxproc of a pipe service: so many commands at a time."""
    world.mx.write("/usr/local/bin/counted", "#!/bin/sh\ncat >/dev/null\necho b >> /tmp/times/$$\nsleep 0.5\nmv /tmp/times/$$ /tmp/ended/$$\n", 0o755)
    world.mx.write("/usr/local/bin/watch", "#!/bin/sh\n", 0o755)
    for name in ("times", "ended"):
        world.mx.run("install", "-d", "-m", "1777", "/tmp/" + name)
    _append(world, "master.cf", "counted unix - n n - 2 pipe user=nobody argv=/usr/local/bin/counted\n")
    _append(world, "main.cf", "transport_maps = inline:{ {counted.example=counted:} }\ncounted_destination_concurrency_limit = 20\n"
            "counted_initial_destination_concurrency = 20\n")
    world.mta.reload()
    for number in range(6):
        world.mx.run("sendmail", f"u{number}@counted.example", input="Subject: x\n\nx\n")
    most = 0

    def ended():
        nonlocal most
        most = max(most, len(os.listdir(world.mx.path("/tmp/times"))))
        return len(os.listdir(world.mx.path("/tmp/ended"))) == 6
    wait_for(ended, lambda: f"six deliveries: {world.mta.log()[-2000:]}")
    assert most == 2, f"{most} at a time"
    world.mta.wait_empty()


def scenario_reload_adds_and_removes_services(world):
    session = world.greeted()
    _append(world, "master.cf", "2502 inet n - y - - smtpd\n    -o smtpd_banner=added\n")
    world.mta.reload()
    wait_for(lambda: _listens(world, 2502), "port 2502")
    assert world.client(2502).greeting == "220 added"
    master = world.mx.read("/etc/postfix/master.cf")
    world.mx.write("/etc/postfix/master.cf", master.replace("2502 inet", "2503 inet"))
    world.mta.reload()
    wait_for(lambda: _listens(world, 2503) and not _listens(world, 2502), "port 2503 in the place of 2502")
    # Options of a service that stays.
    world.mx.write("/etc/postfix/master.cf", master.replace("2502 inet", "2503 inet").replace("banner=added", "banner=other"))
    world.mta.reload()
    wait_for(lambda: world.client(2503).greeting == "220 other", "the new banner")
    # A session of before the reloads goes on.
    session.expect("NOOP", "250 ")
    session.quit()
    world.mx.write("/etc/postfix/master.cf", master[:master.index("2502 inet")])
    world.mta.reload()
    wait_for(lambda: not _listens(world, 2503), "port 2503 closed")
    assert _listens(world, 25)


def scenario_reload_ends_when_the_old_process_accepts_nothing(world):
    """An old process that has not got as far yet could still take a client, who would meet the old configuration."""
    old = [pid for pid, name in world.mta.processes().items() if name == "receive"]
    _append(world, "main.cf", "smtpd_banner = $myhostname ESMTP new\n")
    mark = len(world.mta.log())
    for pid in old:
        os.kill(pid, signal.SIGSTOP)
    try:
        reload = world.mx.start("postfix", "reload")
        world.mta.wait_log(r"reload -- version", after=mark)
        wait_for(lambda: any(name == "receive" and pid not in old for pid, name in world.mta.processes().items()), "a new process")
        time.sleep(1.5)
        assert reload.poll() is None, "the reload was over while the old process could accept"
    finally:
        for pid in old:
            os.kill(pid, signal.SIGCONT)
    assert reload.wait(timeout=30) == 0
    for _ in range(20):
        client = world.client()
        assert client.greeting.endswith("ESMTP new"), client.greeting
        client.quit()


scenario_reload_ends_when_the_old_process_accepts_nothing.only_for = ("apus",)


def scenario_inet_interfaces(world):
    """Other addresses need a stop and start, as postconf(5) says; a reload must not lose the old ones."""
    main = world.mx.read("/etc/postfix/main.cf")
    assert _listens(world, 25)
    world.mx.write("/etc/postfix/main.cf", main.replace("inet_interfaces = all", "inet_interfaces = loopback-only"))
    world.mta.stop()
    world.mta.start()
    assert not _listens(world, 25)
    world.mx.write("/etc/postfix/main.cf", main)
    world.mta.stop()
    world.mta.start()
    assert _listens(world, 25)


def scenario_later_rooms(world):
    """The article's commented lines: postscreen, dnsblog, tlsproxy and qmqpd are named at start, and smtpd works."""
    master = world.mx.read("/etc/postfix/master.cf")
    text = re.sub(r"^#(smtp +inet .*postscreen|smtpd +pass .*|dnsblog .*|tlsproxy .*|628 +inet .*)$", r"\1", master, flags=re.M)
    text = text.replace("smtp      inet  n       -       y       -       1       postscreen",
                        "2504      inet  n       -       y       -       1       postscreen")
    assert text != master
    world.mx.write("/etc/postfix/master.cf", text)
    world.mta.stop()
    after = len(world.mta.log())
    world.mta.start()
    for program, line in (("postscreen", "2504"), ("dnsblog", "dnsblog"), ("tlsproxy", "tlsproxy"), ("qmqpd", "628")):
        world.mta.wait_log(rf"master\.cf: line \d+: .*{program}", after=after)
    client = world.greeted()
    client.quit()
    world.mx.write("/etc/postfix/master.cf", master)
    world.mta.stop()
    world.mta.start()


scenario_later_rooms.only_for = ("apus",)


def scenario_wake_up_and_status(world):
    assert world.mta.running()
    assert world.mx.run("postfix", "start", check=False).returncode != 0
    # Mail that was dropped without a word is found at pickup's next time.
    world.mx.run("postfix", "check")
    world.mx.run("postfix", "flush")
    world.mx.run("postfix", "logrotate", check=False)
    world.mx.run("postfix", "abort")
    wait_for(lambda: not world.mta.running() and not world.mta.processes(), "the end of every process")
    world.mta.start()
