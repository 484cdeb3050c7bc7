"""Scenario 7: a full disk, damaged queue files, a very large message, a large deferred queue: nothing acknowledged is
lost, nothing dies, and no process grows with them."""

import os
import re
import time

from lab.host import sh
from lab.smtp import message, wait_for
from scenarios.crash import _unlimited

WORLD = {"mutate": _unlimited, "spamd": False, "dovecot": False}

QUEUE = "/var/spool/postfix"


def _pids(world):
    """To see that nothing dies."""
    return set(world.mta.processes())


def _peaks(world):
    """The most memory each process has had, in megabytes."""
    found = {}
    for pid, name in world.mta.processes().items():
        try:
            with open(f"/proc/{pid}/status") as file:
                peak = re.search(r"VmHWM:\s+(\d+)", file.read())
        except OSError:
            continue
        if peak:
            found[name] = max(found.get(name, 0), int(peak.group(1)) // 1024)
    return found


def _free(path):
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def _fill(path, leave):
    """Takes up the disk until `leave` bytes are left."""
    with open(path + "/filler", "ab") as file:
        while (more := _free(path) - leave) > 0:
            try:
                file.write(b"x" * min(more, 1 << 20))
                file.flush()
            except OSError:
                break


def scenario_disk_full(world):
    """On a queue of 48 MB: 452 below queue_minfree, 4xx when the disk fills in the middle of a message, and everything that
    was acknowledged arrives when there is room again."""
    world.mta.stop()
    path = world.mx.path(QUEUE)
    keep = {name: world.mx.read(f"{QUEUE}/etc/{name}") for name in ("resolv.conf", "hosts", "services", "nsswitch.conf")}
    sh("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", path)
    try:
        sh("cp", "-a", "--attributes-only", "-T", world.mx.directory + "/spool", path)
        sh("rm", "-rf", *[path + "/" + name for name in os.listdir(path)])
        for name, text in keep.items():
            world.mx.write(f"{QUEUE}/etc/{name}", text)
        world.mx.run("postfix", "set-permissions")
        world.mta.start()
        busy = {"now": True}
        server = world.server(lambda stage, _: "451 4.3.0 busy" if stage == "MAIL" and busy["now"] else None)
        client = world.greeted()
        body = "0123456789" * 7 + "\n"
        wanted = set()

        def deliver(subject, lines, answer="250 "):
            got = client.mail("someone@example.net", ["bar@example.com"], message(subject, body=body * lines))
            assert got.startswith(answer), f"{subject}: {got}"
            if got.startswith("250 "):
                wanted.add(subject)

        for number in range(5):
            deliver(f"full-{number}", 1000)
        before = _pids(world)
        _fill(path, 15 << 20)
        time.sleep(1.1)  # Apus asks once a second.
        client.expect("MAIL FROM:<someone@example.net>", "452 4.3.1 Insufficient system storage")
        os.unlink(path + "/filler")
        # The file system may take a moment to give the room back.
        wait_for(lambda: client.command("MAIL FROM:<someone@example.net>").startswith("250 "), "room again", 10, pause=1)
        # The disk fills while a message comes in.
        client.expect("RCPT TO:<bar@example.com>", "250 ")
        client.expect("DATA", "354 ")
        _fill(path, 0)
        client.send(message("full-lost", body=body * 50000).replace("\n", "\r\n") + ".\r\n")
        answer = client.reply()
        assert re.match(r"4[0-9][0-9] 4\.3\.[01] ", answer), answer
        # Deliveries that can be noted nowhere.
        world.mx.run("postfix", "flush", check=False)
        time.sleep(1)
        os.unlink(path + "/filler")
        time.sleep(1.1)
        deliver("full-after", 10)
        client.quit()
        gone = before - _pids(world)
        assert not gone or world.mta.kind != "apus", f"died: {gone}\n{world.mta.log()[-3000:]}"
        busy["now"] = False

        def settled():
            if wanted <= {re.search(r"^Subject: (\S+)", m.content, re.M).group(1) for m in list(server.messages)}:
                return True
            world.mx.run("postfix", "flush", check=False)
            time.sleep(0.3)
            return False
        wait_for(settled, lambda: f"the messages of a full disk\n{world.mta.log()[-4000:]}", 60)
        assert all(m.content.count(body[:-1]) in (10, 1000) for m in server.messages), "a message arrived damaged"
        world.mta.wait_empty()
        left = [name for queue in ("incoming", "active", "deferred", "corrupt") for _, _, names in os.walk(f"{path}/{queue}") for name in names]
        assert not left, left
    finally:
        world.mx.run("postfix", "stop", check=False)
        sh("umount", path)
        world.mta.start()


def scenario_damaged_files(world):
    """Garbage and cut files go to `corrupt`, with Postfix's log line; other mail goes on."""
    server = world.server(lambda stage, argument: "451 4.3.0 busy" if stage == "RCPT" and "bar@" in argument else None)
    client = world.greeted()
    answer = client.mail("someone@example.net", ["bar@example.com"], message("cut", body="x" * 70 + "\n"))
    cut = answer.rsplit(" ", 1)[1]
    wait_for(lambda: any(m["queue_id"] == cut and m["queue_name"] == "deferred" for m in world.mta.queue()), "the deferred message")
    before = _pids(world)
    spool = world.mx.path(QUEUE)
    path = next(os.path.join(directory, cut) for directory, _, files in os.walk(spool + "/deferred") if cut in files)
    owner = os.stat(path)
    with open(path, "r+b") as file:
        file.truncate(owner.st_size // 2)
    garbage = {"incoming/4D0BAD0BAD1": os.urandom(3000), "incoming/4D0BAD0BAD2": b"", "incoming/4D0BAD0BAD3": b"C" + b"\xff" * 300,
               "deferred/4/4D0BAD0BAD4": b"\0" * 5000, "deferred/4/4D0BAD0BAD5": b"T1\n" * 100, "active/4D0BAD0BAD6": os.urandom(70000)}
    for name, content in garbage.items():
        os.makedirs(os.path.dirname(f"{spool}/{name}"), exist_ok=True)
        os.chown(os.path.dirname(f"{spool}/{name}"), owner.st_uid, owner.st_gid)
        with open(f"{spool}/{name}.new", "wb") as file:
            file.write(content)
        os.chown(f"{spool}/{name}.new", owner.st_uid, owner.st_gid)
        os.chmod(f"{spool}/{name}.new", 0o700)
        os.utime(f"{spool}/{name}.new", (1, 1))
        os.rename(f"{spool}/{name}.new", f"{spool}/{name}")
    world.mx.run("postfix", "flush")
    for name in [f"deferred/{cut}"] + [n for n in garbage if "active" not in n]:
        queue_id = name.split("/")[-1]
        world.mta.wait_log(rf'warning: saving corrupt file "{queue_id}" from queue "active" to queue "corrupt"')
        wait_for(lambda: os.path.exists(f"{spool}/corrupt/{queue_id}"), f"corrupt/{queue_id}")
    client.mail("someone@example.net", ["bar@example.com"], message("fine"))
    client.quit()
    world.mta.wait_log(r"said: 451 4\.3\.0 busy \(in reply to RCPT TO command\)")
    # What a start finds in the active queue (Postfix renames the file after its inode first).
    seen = len(world.mta.log())
    world.mta.stop()
    world.mta.start()
    world.mta.wait_log(r'saving corrupt file "4D0BA\w+" from queue "active" to queue "corrupt"', after=seen)
    world.mx.run("postsuper", "-d", "ALL")
    for name in os.listdir(spool + "/corrupt"):
        os.unlink(f"{spool}/corrupt/{name}")
    assert not re.search(r"(killed by signal|panic)", world.mta.log()), world.mta.log()[-3000:]


def scenario_large_message(world):
    """200 MB end to end: whole, and in bounded memory of each process."""
    size = 200 << 20
    limits = {"message_size_limit": size * 2, "mailbox_size_limit": 0}
    world.mx.run("postconf", "-e", *[f"{name} = {value}" for name, value in limits.items()])
    world.mta.stop()
    world.mta.start()
    server = world.server()
    server.digests = True
    client = world.greeted()
    line = ("0123456789abcdef" * 60 + "\n").encode()
    head = message("large", body="").encode()
    client.expect("MAIL FROM:<someone@example.net>", "250 ")
    client.expect("RCPT TO:<bar@example.com>", "250 ")
    client.expect("DATA", "354 ")
    client.send(head.replace(b"\n", b"\r\n"))
    piece = line.replace(b"\n", b"\r\n") * 1000
    for _ in range(size // len(piece)):
        client.send(piece)
    client.send(".\r\n")
    assert client.reply().startswith("250 "), "the large message was refused"
    client.quit()
    wait_for(lambda: server.messages, lambda: f"the large message\n{world.mta.log()[-3000:]}", 90)
    received = server.messages[0]
    assert received.lines[line.replace(b"\n", b"\r\n")] == size // len(piece) * 1000, sorted(received.lines.values())[-3:]
    peaks = _peaks(world)
    print(f"     {peaks}")
    world.mta.wait_empty()
    world.mx.write("/etc/postfix/main.cf", re.sub(rf"message_size_limit = {size * 2}", "message_size_limit = 10485760", world.mx.read("/etc/postfix/main.cf")))
    world.mx.run("postfix", "reload")
    limit = 96
    assert world.mta.kind != "apus" or max(peaks.values()) < limit, f"more than {limit} MB: {peaks}"


def scenario_twenty_thousand_deferred(world):
    """A start on a deferred queue of 20,000 messages: the port opens at once, mailq lists them, a flush ends them all (in
    `discard`: the outside server of the laboratory is too slow), in bounded memory."""
    count = 20_000
    server = world.server(lambda stage, _: "451 4.3.0 busy" if stage == "MAIL" else None)
    client = world.greeted()
    queue_id = client.mail("someone@example.net", ["bar@example.com"], message("many")).rsplit(" ", 1)[1]
    client.quit()
    wait_for(lambda: any(m["queue_name"] == "deferred" for m in world.mta.queue()), "the deferred message")
    world.mta.stop()
    server.close()
    spool = world.mx.path(QUEUE)
    path = next(os.path.join(directory, queue_id) for directory, _, files in os.walk(spool + "/deferred") if queue_id in files)
    with open(path, "rb") as file:
        content = file.read()
    status = os.stat(path)
    folder = f"{spool}/deferred/0"
    os.makedirs(folder, exist_ok=True)
    os.chown(folder, status.st_uid, status.st_gid)
    for number in range(count):
        descriptor = os.open(f"{folder}/new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
        os.fchmod(descriptor, 0o700)
        os.write(descriptor, content)
        os.fchown(descriptor, status.st_uid, status.st_gid)
        # Named after their inodes, as all queue files: others would be renamed while they are listed.
        name = f"{folder}/{number:05X}{os.fstat(descriptor).st_ino:X}"
        os.close(descriptor)
        os.rename(f"{folder}/new", name)
        os.utime(name, (time.time() + 3000,) * 2)
    main = world.mx.read("/etc/postfix/main.cf")
    world.mx.write("/etc/postfix/main.cf", main + "default_transport = discard:\n")
    began = time.monotonic()
    world.mta.start()
    started = time.monotonic() - began
    began = time.monotonic()
    listed = world.mx.run("mailq").stdout.splitlines()
    took = time.monotonic() - began
    assert f"in {count + 1} Requests." in listed[-1], listed[-1]
    world.mx.run("postfix", "flush")
    wait_for(lambda: not world.mta.queue_on_disk("deferred") + world.mta.queue_on_disk("active"),
             lambda: f"an empty queue\n{world.mta.log()[-2000:]}", 120)
    peaks = _peaks(world)
    print(f"     {peaks}")
    world.mta.wait_empty()
    def discarded():
        return len(set(re.findall(r" (\S+): to=.*, relay=none, .*, status=sent \(externaladdress\.com\)", world.mta.log())))
    wait_for(lambda: discarded() == count + 1, lambda: f"{count + 1} messages in the log: {discarded()}", 20)
    world.mx.write("/etc/postfix/main.cf", main)
    world.mx.run("postfix", "reload")
    assert started < 10, f"the start took {started:.1f} s"
    assert took < 10, f"mailq took {took:.1f} s"
    limit = 160
    assert world.mta.kind != "apus" or max(peaks.values()) < limit, f"more than {limit} MB: {peaks}"
