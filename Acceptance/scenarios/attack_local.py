"""Attacks on local delivery: arguments and environments of commands, links and races at mailboxes, Maildirs and maildrop,
paths through virtual maps, hostile .forward files. Whatever happens, it happens with the recipient's rights only."""

import os
import re
import stat
import subprocess
import threading
import time

from lab.smtp import message
from lab.world import configured

MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
alias_maps = hash:/etc/aliases
recipient_delimiter = +
local_recipient_maps =
allow_mail_to_commands = alias, forward
allow_mail_to_files = alias, forward
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
virtual_mailbox_domains = virtual.example, pattern.example
virtual_mailbox_base = /var/vmail
virtual_mailbox_maps = inline:{ {up@virtual.example = ../../etc/cron.d/up} {in@virtual.example = a/../../../tmp/in}
    {link@virtual.example = link/} {good@virtual.example = good/} }, regexp:/etc/postfix/vmailbox.regexp
virtual_uid_maps = static:150
virtual_gid_maps = static:8
virtual_minimum_uid = 100
transport_maps = inline:{ {pipe.example = show:} }
relay_domains = pipe.example
minimal_backoff_time = 1000s
maximal_backoff_time = 1000s
command_time_limit = 5s
"""
MASTER = """
show     unix  -       n       n       -       10      pipe
    flags=q user=tester argv=/usr/local/bin/show $sender $recipient $user $extension
"""
SHOW = r"""#!/usr/bin/python3
import os, sys
with open("/tmp/out/show", "a") as file:
    file.write(repr((sys.argv[1:], dict(os.environ))) + "\n")
"""


WORLD = configured(MAIN, MASTER)
START = False


def _start(world):
    if world.mta.running():
        return
    host = world.mx
    for name in ("tester", "victim", "hostile"):
        host.run("useradd", "-m", name)
    os.makedirs(host.path("/tmp/out"), exist_ok=True)
    os.chmod(host.path("/tmp/out"), 0o1777)
    host.write("/usr/local/bin/show", SHOW, 0o755)
    host.write("/etc/aliases", "postmaster: root\nroot: tester\ncommand: |/usr/local/bin/show\n")
    host.run("postalias", "/etc/aliases")
    host.write("/etc/postfix/vmailbox.regexp", "/^(.*)@pattern\\.example$/ $1/\n")
    host.write("/root/secret", "root's secret\n", 0o600)
    world.mta.start()


def _try(world, sender, recipient, subject):
    """One message; returns the reply that ended it."""
    client = world.client()
    client.expect("EHLO out.example.net", "250-")
    answer = client.command(f"MAIL FROM:<{sender}>")
    if answer.startswith("250"):
        answer = client.command(f"RCPT TO:<{recipient}>")
    if answer.startswith("250"):
        answer = client.content(message(subject))
    client.close()
    return answer


def _settled(world):
    """Nothing is under way any more, but for what the scenarios of maildrop have put there."""
    world.mta.wait_quiet(ignored="AAAA")


def _shown(world):
    _settled(world)
    try:
        text = world.mx.read("/tmp/out/show")
    except FileNotFoundError:
        return []
    os.unlink(world.mx.path("/tmp/out/show"))
    return [eval(line) for line in text.splitlines()]


def scenario_arguments_of_pipe(world):
    """An address is one argument whatever it holds, and none that looks like an option gets that far."""
    _start(world)
    hostile = ["`id`", "$(id)", "a;touch${IFS}x", "a|b", "a>b", "\"a b\"", "\"a\\\"b\"", "a&b", "~root", "*", "{x,y}"]
    for number, local in enumerate(hostile):
        for sender, recipient in ((f"{local}@example.net", "x@pipe.example"), ("x@example.net", f"{local}@pipe.example")):
            answer = _try(world, sender, recipient, f"p{number}")
            assert re.match(r"250 2|[45]\d\d ", answer), answer
    for arguments, environment in _shown(world):
        assert len(arguments) == 4, arguments
        assert arguments[0].endswith("@example.net") and arguments[1].endswith("@pipe.example"), arguments
        assert set(environment) <= {"LOGNAME", "MAIL_CONFIG", "PATH", "SHELL", "TZ", "LANG", "MAIL_LOGTAG", "HOME", "USER",
                                    "DISPLAY", "XAUTHORITY", "MAIL_DEBUG", "LC_CTYPE"}, environment
    # What looks like an option is no address, unless allow_min_user says so (postconf(5)).
    for local in ("-oQ/tmp", "--help", "\"-f x\"", "-"):
        assert _try(world, f"{local}@example.net", "x@pipe.example", "option").startswith("501 5.1.7 Bad sender address syntax"), local
        assert _try(world, "x@example.net", f"{local}@pipe.example", "option").startswith("501 5.1.3 Bad recipient address syntax"), local
    host, mark = world.mx, len(world.mta.log())
    host.run("sendmail", "-f", "x@smtp.example.com", "--", "-g@pipe.example", input="Subject: option\n\nx\n")
    world.mta.wait_log(r"to=<-g@pipe\.example>, .*dsn=5\.1\.3, status=bounced \(bad address syntax\)", after=mark)
    assert _shown(world) == []
    # The owner of this machine may say who sends; pipe(8) passes it on, behind whatever the administrator put before it.
    host.run("sendmail", "-f", "-f@example.net", "x@pipe.example", input="Subject: option\n\nx\n")
    assert [arguments[0] for arguments, _ in _shown(world)] == ["-f@example.net"]
    # No file was made by a shell that nobody should have started.
    assert not os.path.exists(world.mx.path("/var/spool/postfix/x"))


def scenario_environment_of_commands(world):
    """What an outsider says reaches the environment of a command without characters of the shell."""
    _start(world)
    answer = _try(world, "\"a`id`$(x);b\"@example.net", "\"command+ext`id`$(x)|y\"@smtp.example.com", "env")
    assert answer.startswith("250"), answer
    found = _shown(world)
    assert len(found) == 1, world.mta.log()[-2000:]
    _, environment = found[0]
    for name, value in environment.items():
        if name in ("SENDER", "RECIPIENT", "EXTENSION", "LOCAL", "USER", "DOMAIN", "ORIGINAL_RECIPIENT", "CLIENT_HELO"):
            assert not re.search(r"[`$();|<>&\n]", value), (name, value)
    assert environment["EXTENSION"].startswith("ext"), environment
    names = set(environment)
    assert not names & {"LD_PRELOAD", "LD_LIBRARY_PATH", "IFS", "BASH_ENV", "ENV"}, names


def scenario_paths_of_virtual_mailboxes(world):
    """`..` in a table's value, and a pattern that makes paths of what outsiders say."""
    _start(world)
    mark = len(world.mta.log())
    for recipient in ("up@virtual.example", "in@virtual.example", "../../tmp/evil@pattern.example", "x/../../y@pattern.example"):
        _try(world, "a@example.net", recipient, "path")
    _settled(world)
    assert not os.path.exists(world.mx.path("/etc/cron.d/up")), "etc"
    assert not os.path.exists(world.mx.path("/tmp/in")) and not os.path.exists(world.mx.path("/tmp/evil")), "tmp"
    assert "status=sent" not in world.mta.log()[mark:], world.mta.log()[mark:]
    for directory, names, files in os.walk(world.mx.path("/var/vmail")):
        assert not [name for name in names + files if "evil" in name], directory
    world.mx.run("postsuper", "-d", "ALL", check=False)


def _send(world, to, subject):
    mark = len(world.mta.log())
    world.mx.run("sendmail", "-f", "tester@smtp.example.com", to, input=f"Subject: {subject}\n\nhello {subject}\n")
    world.mta.wait_log(": to=<", after=mark)
    _settled(world)
    return world.mta.log()[mark:]


def scenario_links_at_mailboxes(world):
    """Mailboxes that are links to what belongs to others, or no files at all: nothing is written there."""
    _start(world)
    host = world.mx
    shadow, secret = host.read("/etc/shadow"), host.read("/root/secret")
    box = host.path("/var/mail/victim")

    def check(name):
        log = _send(world, "victim@smtp.example.com", name)
        assert not re.search(r"to=<victim@smtp\.example\.com>.*status=sent", log), (name, log)
        assert host.read("/etc/shadow") == shadow and host.read("/root/secret") == secret, name
        if os.path.lexists(box):
            os.rmdir(box) if os.path.isdir(box) and not os.path.islink(box) else os.unlink(box)
        host.run("postsuper", "-d", "ALL", check=False)
    # The mail directory of this victim can be written by others.
    os.symlink("/etc/shadow", box)
    check("symlink")
    os.symlink("/root/secret", box)
    check("symlink2")
    with open(host.path("/var/mail/secret"), "w") as file:
        file.write("root's file\n")
    os.link(host.path("/var/mail/secret"), box)
    check("hardlink")
    assert host.read("/var/mail/secret") == "root's file\n"
    os.mkfifo(box)
    check("fifo")
    os.mkdir(box)
    check("directory")
    host.run("su", "hostile", "-s", "/bin/sh", "-c", "true")
    with open(box, "w") as file:
        file.write("")
    host.run("chown", "hostile", "/var/mail/victim")
    os.chmod(box, 0o666)
    check("belongs to another")
    log = _send(world, "victim@smtp.example.com", "plain")
    assert "status=sent (delivered to mailbox)" in log, log
    assert "hello plain" in host.read("/var/mail/victim")


def scenario_links_in_a_maildir(world):
    """A Maildir whose parts are links: what is written is written with the owner's rights."""
    _start(world)
    host = world.mx
    os.makedirs(host.path("/var/vmail/link"))
    os.makedirs(host.path("/root/target"), exist_ok=True)
    for part in ("tmp", "new", "cur"):
        os.symlink("/root/target", host.path(f"/var/vmail/link/{part}"))
    host.run("chown", "-Rh", "150:8", "/var/vmail/link")
    log = _send(world, "link@virtual.example", "maildir")
    assert os.listdir(host.path("/root/target")) == [], log
    assert "status=sent" not in log, log
    log = _send(world, "good@virtual.example", "good")
    assert "status=sent (delivered to maildir)" in log, log
    host.run("postsuper", "-d", "ALL", check=False)


def scenario_hostile_forward_files(world):
    """A .forward file of a hostile user, or one that others could have written."""
    _start(world)
    host, path = world.mx, "/home/hostile/.forward"
    real = host.path(path)
    uid = int(host.run("id", "-u", "hostile").stdout)

    def put(text, owner="hostile", mode=0o644):
        if os.path.lexists(real):
            os.unlink(real)
        host.write(path, text, mode)
        host.run("chown", owner, path)
    passwd, shadow = host.read("/etc/passwd"), host.read("/etc/shadow")
    # Files and includes of root's, with the user's rights.
    for text in ("/etc/passwd\n", "/root/secret\n", ":include:/root/secret\n", ":include:/etc/shadow\n", "/etc/cron.d/evil\n",
                 "\"|/bin/cat /root/secret > /tmp/out/stolen\"\n", "\"|cp /etc/shadow /tmp/out/stolen2\"\n", "/proc/self/mem\n",
                 "/dev/mem\n", "~root/x\n", "|" + "x" * 100_000 + "\n"):
        put(text)
        log = _send(world, "hostile@smtp.example.com", "forward")
        assert "status=sent (delivered to file)" not in log, (text[:60], log)
        host.run("postsuper", "-d", "ALL", check=False)
    assert host.read("/etc/passwd") == passwd and host.read("/etc/shadow") == shadow
    assert host.read("/root/secret") == "root's secret\n" and not os.path.exists(host.path("/etc/cron.d/evil"))
    for name in ("stolen", "stolen2"):
        stolen = host.path(f"/tmp/out/{name}")
        assert not os.path.exists(stolen) or os.path.getsize(stolen) == 0, name
    # The command has the user's identity and none of our descriptors.
    put("\"|/bin/sh -c 'id -u; id -G; ls -l /proc/self/fd | wc -l; umask' > /tmp/out/who\"\n")
    _send(world, "hostile@smtp.example.com", "who")
    who = host.read("/tmp/out/who").split("\n")
    assert who[0] == str(uid) and "0" not in who[1].split(), who
    assert int(who[2]) <= 6, who
    # A command that does not end is ended, and one that prints for ever fills no memory.
    put("\"|/usr/bin/yes\"\n")
    log = _send(world, "hostile@smtp.example.com", "yes")
    assert re.search(r"status=(bounced|deferred|sent)", log) and len(log) < 20_000, log[:2000]
    # Not trusted: what somebody else may have written, and what is no file.
    for setup in ("other", "writable", "fifo", "directory", "symlink", "device"):
        put("\"|/bin/touch /tmp/out/ran-{}\"\n".format(setup))
        if setup == "other":
            host.run("chown", "victim", path)
        elif setup == "writable":
            os.chmod(real, 0o666)
        else:
            os.unlink(real)
            if setup == "fifo":
                os.mkfifo(real)
            elif setup == "directory":
                os.mkdir(real)
            elif setup == "symlink":
                os.symlink("/root/secret", real)
            else:
                os.mknod(real, 0o20666, os.makedev(1, 5))
        log = _send(world, "hostile@smtp.example.com", setup)
        assert not os.path.exists(host.path(f"/tmp/out/ran-{setup}")), (setup, log)
        if os.path.isdir(real) and not os.path.islink(real):
            os.rmdir(real)
        elif os.path.lexists(real):
            os.unlink(real)
        host.run("postsuper", "-d", "ALL", check=False)


def _maildrop_file(world, subject):
    """What postdrop leaves in maildrop, as bytes."""
    host = world.mx
    drop = host.path("/var/spool/postfix/maildrop")
    world.mta.stop()
    before = set(os.listdir(drop))
    host.run("sendmail", "-f", "tester@smtp.example.com", "tester@smtp.example.com", input=f"Subject: {subject}\n\nx\n")
    (name,) = set(os.listdir(drop)) - before
    with open(f"{drop}/{name}", "rb") as file:
        text = file.read()
    os.unlink(f"{drop}/{name}")
    world.mta.start()
    return text


def _foreign_mail(world, text):
    """Mail of somebody else in a file that the queue manager may read: whoever can make links to it must not send it."""
    path = world.mx.path("/var/spool/postfix/private.mail")
    with open(path, "wb") as file:
        file.write(text)
    os.chmod(path, 0o700)
    world.mx.run("chown", "postfix", "/var/spool/postfix/private.mail")
    return path


def scenario_hostile_maildrop(world):
    """What could be put into maildrop by somebody with the group's rights: links, pipes, directories, others' files."""
    _start(world)
    host = world.mx
    drop = host.path("/var/spool/postfix/maildrop")
    secret = "/etc/shadow"
    whole = _maildrop_file(world, "stolen")
    foreign = _foreign_mail(world, whole)
    before = set(world.mta.processes())
    os.symlink(secret, f"{drop}/AAAA1")
    os.mkfifo(f"{drop}/AAAA2")
    os.chmod(f"{drop}/AAAA2", 0o700)
    os.mkdir(f"{drop}/AAAA3")
    os.link(foreign, f"{drop}/AAAA4")
    with open(f"{drop}/AAAA5", "wb") as file:
        file.write(b"T\x0f1700000000 00000S\x04rootR\xff\xff\xff\xff\x7f")
    with open(f"{drop}/AAAA6", "wb") as file:
        file.write(os.urandom(100_000))
    os.symlink("/var/spool/postfix/private.mail", f"{drop}/AAAA7")
    with open(f"{drop}/AAAA8", "wb") as file:
        file.write(whole.replace(b"stolen", b"cut it")[:-20])
    for name in ("AAAA5", "AAAA6", "AAAA8"):
        os.chmod(f"{drop}/{name}", 0o700)
    mark = len(world.mta.log())
    _send(world, "tester@smtp.example.com", "after-hostile-maildrop")
    world.mta.wait_log(r"status=sent \(delivered to mailbox\)", after=mark)
    assert before <= set(world.mta.processes()) or world.mta.kind != "apus", "a process has died"
    box = host.read("/var/mail/tester")
    assert "after-hostile-maildrop" in box and "Subject: stolen" not in box and "Subject: cut it" not in box, box
    assert os.path.exists(host.path(secret)) and "root" in host.read(secret)
    with open(foreign, "rb") as file:
        assert file.read() == whole
    mode = os.stat(host.path(secret)).st_mode
    assert stat.S_IMODE(mode) & 0o007 == 0, oct(mode)
    _empty(drop)


def _empty(directory):
    for name in os.listdir(directory):
        path = f"{directory}/{name}"
        os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


class _Race(threading.Thread):
    """Does its steps over and over, whatever becomes of them, as fast as it can."""

    def __init__(self, *steps):
        super().__init__(daemon=True)
        self.steps, self.stopping, self.rounds = steps, threading.Event(), 0

    def run(self):
        while not self.stopping.is_set():
            for step in self.steps:
                try:
                    step()
                except OSError:
                    pass
            self.rounds += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()


# Run by a user with the rights of postdrop's group: argv has the text of the user's own mail, in hexadecimal.
MAILDROP_RACE = r"""#!/usr/bin/python3
import os, sys, time
own = bytes.fromhex(sys.argv[1])
path, other = "/var/spool/postfix/maildrop/AAAB1", "/var/spool/postfix/maildrop/AAAB2"

def mine():
    descriptor = os.open(other, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.write(descriptor, own)
    os.fchmod(descriptor, 0o744)
    os.close(descriptor)
    os.rename(other, path)

def soft():
    os.symlink("../private.mail", other)
    os.rename(other, path)

def hard():
    os.link("/var/spool/postfix/private.mail", other)
    os.rename(other, path)

def changed():
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    os.write(descriptor, os.urandom(200))
    os.close(descriptor)

rounds, end = 0, time.monotonic() + 6
while time.monotonic() < end:
    for step in (mine, soft, mine, hard, mine, changed):
        try:
            step()
        except OSError:
            pass
        try:
            os.unlink(other)
        except OSError:
            pass
    rounds += 1
print(rounds)
"""


def scenario_racing_maildrop(world):
    """Mail in maildrop that turns into links to somebody else's mail, or into garbage, while pickup looks at it."""
    _start(world)
    host = world.mx
    drop = host.path("/var/spool/postfix/maildrop")
    whole = _maildrop_file(world, "stolen")
    foreign = _foreign_mail(world, whole)
    host.write("/usr/local/bin/maildrop-race", MAILDROP_RACE, 0o755)
    before = set(world.mta.processes())
    race = subprocess.Popen(
        host._wrap(["/usr/local/bin/maildrop-race", whole.replace(b"stolen", b"myself").hex()], user="hostile:postdrop"),
        stdout=subprocess.PIPE, text=True)
    while race.poll() is None:
        host.run("postkick", "public", "pickup", "W", check=False)
    rounds = int(race.communicate()[0])
    _empty(drop)
    _settled(world)
    box = host.read("/var/mail/tester")
    print(f"     {rounds} rounds, {box.count('Subject: myself')} messages", flush=True)
    assert rounds > 100 and "Subject: myself" in box and "Subject: stolen" not in box
    with open(foreign, "rb") as file:
        assert file.read() == whole
    assert stat.S_IMODE(os.stat(foreign).st_mode) == 0o700
    assert before <= set(world.mta.processes()) or world.mta.kind != "apus", "a process has died"
    host.run("postsuper", "-d", "ALL", check=False)


def scenario_racing_mailboxes(world):
    """Somebody replaces a mailbox with a link, over and over, while mail is delivered to it."""
    _start(world)
    host = world.mx
    host.write("/root/race", "untouched\n", 0o600)
    box, other = host.path("/var/mail/victim"), host.path("/var/mail/.race")

    def soft():
        os.symlink("/root/race", other)
        os.rename(other, box)

    def plain():
        open(other, "w").close()
        os.rename(other, box)
    with _Race(soft, plain):
        deadline, sent = time.monotonic() + 6, 0
        while time.monotonic() < deadline:
            world.mx.run("sendmail", "-f", "tester@smtp.example.com", "victim@smtp.example.com", input=f"Subject: race{sent}\n\nx\n")
            sent += 1
        _settled(world)
    assert host.read("/root/race") == "untouched\n"
    if os.path.lexists(box):
        os.unlink(box)
    host.run("postsuper", "-d", "ALL", check=False)


def scenario_racing_maildirs(world):
    """Somebody replaces the parts of a Maildir with links to root's directories, over and over, while mail is delivered."""
    _start(world)
    host = world.mx
    target, base = host.path("/root/maildir-target"), host.path("/var/vmail/good")
    os.makedirs(target, exist_ok=True)
    host.run("sendmail", "-f", "tester@smtp.example.com", "good@virtual.example", input="Subject: first\n\nx\n")
    _settled(world)

    def swap(part):
        def away():
            os.rename(f"{base}/{part}", f"{base}/{part}.away")

        def link():
            os.symlink("/root/maildir-target", f"{base}/{part}")

        def back():
            os.unlink(f"{base}/{part}")
            os.rename(f"{base}/{part}.away", f"{base}/{part}")
        return away, link, lambda: time.sleep(0.002), back, lambda: time.sleep(0.002)
    with _Race(*swap("tmp"), *swap("new")) as race:
        deadline, sent = time.monotonic() + 6, 0
        while time.monotonic() < deadline:
            host.run("sendmail", "-f", "tester@smtp.example.com", "good@virtual.example", input=f"Subject: race{sent}\n\nx\n")
            sent += 1
        _settled(world)
    log = world.mta.log()
    print(f"     {race.rounds} rounds, {sent} messages, {log.count('delivered to maildir')} delivered", flush=True)
    assert os.listdir(target) == [], os.listdir(target)
    assert not any(os.path.islink(f"{base}/{part}") for part in ("tmp", "new", "cur"))
    host.run("postsuper", "-d", "ALL", check=False)
