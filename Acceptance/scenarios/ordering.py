"""What is promised is safe first: traces of the system calls show that each fsync has ended before the `250` is written,
before sendmail exits, before a recipient is marked, before a message goes."""

import os
import re

from lab import ledger
from lab.ledger import Ledger
from lab.trace import Judge, Order, Trace, count, parse
from lab.smtp import wait_for

WORLD = {"mutate": ledger.mutate, "spamd": False, "dovecot": False}

KINDS = ("ok", "no", "mbox", "maildir", "vmbox", "vmaildir")


def _logged(world, pattern, after):
    return world.mta.wait_log(pattern, after=after).group(1)


def _trace(world, action, target=None):
    """Runs `action` under strace; returns its result and a judge of the trace."""
    trace = Trace(world.mta, os.path.join(world.mx.directory, "trace.txt"))
    try:
        result = action()
    finally:
        text = trace.stop()
    if keep := os.environ.get("KEEP_TRACE"):
        with open(keep, "a") as file:
            file.write(text)
    return result, Judge(parse(text))


def _book(world):
    """A ledger, with each kind delivered once: processes, mailboxes and lookups are there."""
    book = Ledger.of(world)
    client = world.greeted()
    for kind in KINDS:
        book.send(client, book.one(kind, f"warm-{kind}-{len(book.promises)}"), None, chunks=0)
    client.quit()
    book.settle()
    return book


def _files(world):
    """The mailbox and maildir of each local kind, as a trace names them."""
    return {"mbox": ledger.MBOX, "maildir": ledger.MAILDIR, "vmbox": ledger.VIRTUAL_MBOX, "vmaildir": ledger.VIRTUAL_MAILDIR}


def scenario_durable_before_it_is_told(world):
    """DATA, BDAT in one and two pieces, for every kind of delivery; bounces."""
    book = _book(world)

    def work():
        sent = {}
        client = world.greeted()
        for kind in KINDS:
            for chunks in (0, 1, 2) if kind == "ok" else (0,):
                promise = book.one(kind, f"order-{kind}-{chunks}")
                answer = book.send(client, promise, None, chunks)
                sent[promise.key] = (kind, answer.rsplit(" ", 1)[1])
                book.settle()
        client.quit()
        return sent
    after = len(world.mta.log())
    sent, judge = _trace(world, work)
    files = _files(world)
    for key, (kind, queue_id) in sent.items():
        try:
            judge.acknowledged(queue_id)
            if kind in ("mbox", "vmbox"):
                judge.delivered(queue_id, files[kind])
            elif kind in ("maildir", "vmaildir"):
                # Debian's Postfix leaves the new name to the file system's journal.
                judge.delivered_to_maildir(queue_id, files[kind], directories=world.mta.kind == "apus")
            elif kind == "no":
                notification = _logged(world, rf"{queue_id}: sender non-delivery notification: (\w+)", after)
                judge.logged_bounce(queue_id)
                judge.bounced(queue_id, notification)
        except Order as error:
            raise AssertionError(f"{key}: {error}") from error
    print(f"     {len(judge.calls)} calls judged for {len(sent)} messages")


def scenario_sendmail_and_pickup(world):
    """The file in maildrop is safe before sendmail exits; the queue file is safe before the file in maildrop goes."""
    book = _book(world)
    promise = book.one("ok", "order-sendmail")
    file = os.path.join(world.mx.directory, "sendmail.txt")
    after = len(world.mta.log())

    def work():
        done = world.mx.run("sendmail", "-i", "-f", promise.sender, *promise.recipients, input=promise.text, trace=file)
        promise.acknowledged = done.returncode == 0
        book.settle()
    _, judge = _trace(world, work)
    with open(file) as trace:
        sender = Judge(parse(trace.read()))
    queue_id = _logged(world, rf"pickup\[\d+\]: (\w+): uid=0 from=<{promise.sender}>", after)
    dropped = next(os.path.basename(path) for c in judge.calls if c.name.startswith(("unlink", "rename"))
                   for path in re.findall(r'"([^"]*)"', c.arguments)[:1] if "maildrop/" in path)
    end = max(c.start for c in sender.calls if c.name == "exit_group" and c.arguments.startswith("0"))
    sender.synchronised("/" + dropped, end, changed={"write", "pwrite64", "writev", "fchmod", "ftruncate"})
    judge.handed_over(dropped, queue_id)


def scenario_the_judge_is_strict(world):
    """A trace in the wrong order is refused: each line that matters, moved or left out, is noticed."""
    good = """\
10 openat(AT_FDCWD, "incoming/1.10", O_RDWR|O_CREAT|O_EXCL, 0600) = 7</q/incoming/1.10>
10 rename("incoming/1.10", "incoming/ABC") = 0
10 pwrite64(7</q/incoming/ABC>, "C", 1, 0) = 1
10 fchmod(7</q/incoming/ABC>, 0700) = 0
10 fsync(7</q/incoming/ABC> <unfinished ...>
11 recvfrom(5<TCP:[1->2]>, "x", 1, 0, NULL, NULL) = 1
10 <... fsync resumed>) = 0
11 write(5<TCP:[1->2]>, "250 2.0.0 Ok: queued as ABC\\r\\n", 29) = 29
12 write(9</var/mail/tester>, "From", 4) = 4
12 fsync(9</var/mail/tester>) = 0
12 linkat(AT_FDCWD, "/home/mdir/Maildir/tmp/1", AT_FDCWD, "/home/mdir/Maildir/new/2", 0) = -1 EEXIST (File exists)
13 pwrite64(8</q/active/ABC>, "D", 1, 40) = 1
13 unlink("active/ABC") = 0
"""

    def judge(text):
        Judge(parse(text)).acknowledged("ABC")
        Judge(parse(text)).delivered("ABC", "/var/mail/tester")

    def line(start):
        return next(text for text in good.splitlines(True) if text.startswith(start))
    judge(good)
    told, marked = line("11 write"), line("13 pwrite64")
    rewritten = "10 pwrite64(7</q/incoming/ABC>, \"X\", 1, 9) = 1\n"
    wrong = {
        "the fsync ends after the 250": good.replace(told, "").replace(line("10 <..."), told + line("10 <...")),
        "no fsync": good.replace(line("10 fsync"), "").replace(line("10 <..."), ""),
        "the fsync fails": good.replace("<... fsync resumed>) = 0", "<... fsync resumed>) = -1 EIO (Input/output error)"),
        "a write after the fsync": good.replace(told, rewritten + told),
        "a write while the fsync is under way": good.replace(line("11 recvfrom"), rewritten),
        "the name comes later": good.replace(line("10 rename"), "").replace(told, line("10 rename") + told),
        "another file's fsync": good.replace("fsync(7</q/incoming/ABC>", "fsync(7</q/incoming/ABD>"),
        "the mailbox after the mark": good.replace(line("12 fsync"), "").replace(marked, marked + line("12 fsync")),
        "no fsync of the mailbox": good.replace(line("12 fsync"), ""),
    }
    for what, text in wrong.items():
        assert text != good, what
        try:
            judge(text)
        except Order:
            continue
        raise AssertionError(f"not noticed: {what}")


def scenario_calls_per_message(world):
    """System calls and fsyncs for each relayed message: printed, and one fsync is enough."""
    book = _book(world)
    number = 200
    client = world.greeted()
    trace = Trace(world.mta, os.path.join(world.mx.directory, "count.txt"), count=True)
    try:
        mark = len(world.mta.log())
        for index in range(number):
            assert book.send(client, book.one("ok", f"count-{index}"), None, chunks=0).startswith("250 ")
        wait_for(lambda: world.mta.log()[mark:].count(": removed") >= number, "the messages to go")
    finally:
        calls = count(trace.stop())
    client.quit()
    total = sum(calls.values())
    synchronised = calls.get("fsync", 0) + calls.get("fdatasync", 0)
    most = ", ".join(f"{name} {calls[name] / number:.1f}" for name in sorted(calls, key=calls.get, reverse=True)[:10])
    print(f"     for each relayed message: {total / number:.0f} system calls, {synchronised / number:.2f} fsyncs ({most})")
    assert synchronised >= number, "fewer fsyncs than messages"
    assert world.mta.kind != "apus" or synchronised <= number * 1.1, "more than one fsync a message"
