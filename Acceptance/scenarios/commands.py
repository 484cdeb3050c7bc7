"""The administrator's commands, option by option: what they say, where, with which exit status, and what they do."""

import json
import os
import re

from lab.smtp import wait_for


def _mutate(name, text):
    if name == "main.cf":
        text = text.replace("virtual_transport = spamass-dovecot", "virtual_transport = virtual")
        text = re.sub(r"^(fast_flush_domains|relay_domains|compatibility_level) *=.*\n", "", text, flags=re.M)
        text += "\ndefer_transports = smtp relay\nrelay_domains = site.example\nfast_flush_domains = externaladdress.com\ncompatibility_level = 3.6\n"
    return text


WORLD = {"dovecot": False, "spamd": False, "mutate": _mutate}

# What `postfix` says of the configuration's age on each call, and what its scripts say (since 3.8) without a terminal too.
_ALWAYS = re.compile(r"^(postfix: (Postfix is using backwards|See https?://|To disable backwards).*|\S*postconf: warning: .*)\n", re.M)


def _run(world, *argv, **options):
    status, out, error = world.mx.outputs(*argv, **options)
    return status, out, _ALWAYS.sub("", error)


def _logged(world, mark):
    return "\n".join(line[19:] for line in world.mta.log()[mark:].splitlines())


def _queue(world, count=3, sender="tester@example.com", domain="externaladdress.com"):
    """An empty queue, then `count` deferred messages; returns their ids."""
    world.mx.run("postsuper", "-d", "ALL")
    for number in range(count):
        world.mx.run("sendmail", "-f", sender, f"u{number}@{domain}", input=f"Subject: m{number}\nTo: you\n\nbody {number}\n")
    wait_for(lambda: sum(entry["queue_name"] == "deferred" for entry in world.mta.queue()) == count,
             lambda: f"{count} deferred messages: {world.mta.queue()}\n{world.mta.log()[-3000:]}")
    found = {entry["recipients"][0]["address"]: entry["queue_id"] for entry in world.mta.queue()}
    return [found[f"u{number}@{domain}"] for number in range(count)]


def _entry(world, queue_id):
    return next(entry for entry in world.mta.queue() if entry["queue_id"] == queue_id)


# Command line, exit status, what stands after `fatal: `, and the tag in the mail log (None: the log is not told).
ERRORS = [
    (["postqueue", "-z"], 69, "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site", "postfix/postqueue"),
    (["postqueue", "-p", "-f"], 69, "usage: postqueue -f | ", "postfix/postqueue"),
    (["postqueue", "-i", "no/such"], 69, 'Cannot flush queue ID - invalid name: "no/such"', "postfix/postqueue"),
    (["postqueue", "-c", "/nonexistent", "-p"], 69, "open /nonexistent/main.cf: No such file or directory", "postfix/postqueue"),
    (["postqueue", "-s", "other.example"], 69, 'Flush service is not configured for destination "other.example"', "postfix/postqueue"),
    (["postsuper", "-z"], 1, "usage: postsuper [-c config_dir] [-d queue_id (delete)] ", "postfix/postsuper"),
    (["postsuper", "nosuch"], 1, "invalid directory name: nosuch", "postfix/postsuper"),
    (["sendmail", "-Z"], 75, "usage: sendmail [options]", "postfix/sendmail"),
    (["sendmail", "-bx"], 75, "unsupported: -bx", "postfix/sendmail"),
    (["sendmail", "-qI"], 75, "specify: -qIqueueid", "postfix/sendmail"),
    (["sendmail", "-qR"], 75, "specify: -qRsitename", "postfix/sendmail"),
    (["sendmail", "-qSsite"], 75, "-qS is not implemented", "postfix/sendmail"),
    (["sendmail", "-n", "tester"], 75, "-n option not supported", "postfix/sendmail"),
    (["sendmail", "-B", "bogus", "tester"], 75, "-B option needs 8BITMIME or 7BIT", "postfix/sendmail"),
    (["sendmail", "-Xlog", "tester"], 75, "unsupported: -Xl", "postfix/sendmail"),
    (["sendmail", "-t", "-bs"], 75, "-t can be used only in delivery mode", "postfix/sendmail"),
    (["sendmail", "-bd", "extra"], 75, "daemon mode requires no recipient", "postfix/sendmail"),
    (["sendmail", "-C", "/nonexistent", "-bp"], 75, "open /nonexistent/main.cf: No such file or directory", "postfix/sendmail"),
    (["mailq", "-z"], 75, "usage: mailq [options]", "postfix/sendmail"),
    (["mailq", "extra"], 75, "display queue mode requires no recipient", "postfix/sendmail"),
    (["newaliases", "-z"], 75, "usage: newaliases [options]", "postfix/sendmail"),
    (["newaliases", "extra"], 75, "alias initialization mode requires no recipient", "postfix/sendmail"),
    (["newaliases", "-oA/nonexistent"], 1, "open /nonexistent: No such file or directory", "postfix/postalias"),
    (["postdrop", "-z"], 1, "usage: postdrop [-c config_dir] [-v]", "postfix/postdrop"),
    (["postdrop", "-c", "/nonexistent"], 1, "open /nonexistent/main.cf: No such file or directory", "postfix/postdrop"),
    (["postmap"], 1, "usage: postmap ", "postfix/postmap"),
    (["postmap", "-s", "-q", "a", "hash:/tmp/x"], 1, "specify only one of -s -q or -d", "postfix/postmap"),
    (["postmap", "-b", "-q", "a", "hash:/tmp/x"], 1, 'specify -b -h or -m only with "-q -"', "postfix/postmap"),
    (["postmap", "-i", "-q", "a", "hash:/tmp/nosuch"], 1, "open database /tmp/nosuch.db: No such file or directory", "postfix/postmap"),
    (["postmap", "hash:/nonexistent"], 1, "open /nonexistent: No such file or directory", "postfix/postmap"),
    (["postalias", "-z"], 1, "usage: postalias ", "postfix/postalias"),
    (["postlog", "-p", "bogus", "text"], 1, 'bad severity: "bogus"', "postfix/postlog"),
    (["postlog", "-z"], 1, "usage: postlog [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text]", "postfix/postlog"),
    (["postmulti", "-l", "extra"], 1, "Command not allowed with '-l'", "postmulti"),
    (["postmulti", "-e", "bogus"], 1, "Invalid '-e' edit action 'bogus'. Specify 'create', 'destroy',", "postmulti"),
    (["postmulti", "-x", "nosuch"], 1, "execvp nosuch: No such file or directory", "postmulti"),
    (["postfix", "-z"], 1, "usage: postfix [-c config_dir] [-Dv] command", "postfix"),
    (["postfix", "-c", "relative", "status"], 1, "-c requires absolute pathname", "postfix"),
    (["postfix", "-c", "/nonexistent", "status"], 1, "open /nonexistent/main.cf: No such file or directory", "postfix"),
    (["postfix", "bogus"], 1, "unknown command: 'bogus'. Usage: postfix start (or stop, reload, abort, flush, check, status, ", "postfix/postfix-script"),
    (["postfix", "start"], 1, "the Postfix mail system is already running", "postfix/postfix-script"),
    (["postkick", "public", "qmgr"], 1, "usage: postkick [-c config_dir] [-v] class service request", None),
    (["postlock", "/tmp/box"], 75, "usage: postlock [-c config_dir] [-l lock_style] [-v] folder command...", None),
    (["postlock", "-l", "bogus", "/tmp/box", "true"], 75, 'unknown mailbox_delivery_lock value "bogus" in "bogus"', None),
    (["postlock", "-c", "/nonexistent", "/tmp/box", "true"], 75, "open /nonexistent/main.cf: No such file or directory", None),
    (["postcat", "-z"], 1, "usage: postcat ", None),
    (["postcat", "-q", "a/b"], 1, "bad mail queue ID: a/b", None),
    (["postconf", "-a", "-m"], 1, "specify one of -a -m", None),
    (["postconf", "-b", "-t"], 1, "specify one of -b and -t", None),
    (["postconf", "-d", "-e", "a=b"], 1, "specify one of -d -e", None),
    (["postconf", "-m", "-h"], 1, "with option -m, do not specify -h", None),
    (["postconf", "-M", "-n"], 1, "with option -M, do not specify -n", None),
    (["postconf", "-C", "bogus"], 1, 'unknown -C option value "bogus" in "bogus"', None),
]


def scenario_errors_of_command_lines(world):
    """A wrong command line: the exit status of Postfix, its words, and a line in the mail log where Postfix writes one."""
    wrong = []
    for argv, status, text, tag in ERRORS:
        mark = len(world.mta.log())
        got, out, error = _run(world, *argv)
        name = os.path.basename(argv[0])
        # These tell a terminal or the log, in Debian's version.
        silent = name in ("postfix", "postlog", "postmulti")
        if got != status:
            wrong.append(f"{argv}: exit status {got}, not {status}: {out}{error}")
        if not silent and f"fatal: {text}" not in error:
            wrong.append(f"{argv}: {text!r} is not in {error!r}")
        if tag:
            try:
                world.mta.wait_log(re.escape(f" {tag}[").replace(r"\[", r"\[\d+\]: fatal: ", 1) + re.escape(text), 3, mark)
            except AssertionError:
                wrong.append(f"{argv}: not in the log as {tag}: {_logged(world, mark)}")
        elif "fatal" in _logged(world, mark):
            wrong.append(f"{argv}: it is in the log: {_logged(world, mark)}")
    assert not wrong, "\n".join(wrong)


# Command line, and what the lines on standard error begin with after the name of the command: the warning about main.cf comes
# where Postfix has read it.
ORDER = [
    (["postmap"], ["warning: ", "fatal: usage: "]),
    (["postmap", "-z"], ["invalid option -- 'z'", "fatal: usage: "]),
    (["postmap", "-b", "-q", "a", "static:x"], ["warning: ", "fatal: specify -b -h or -m only with "]),
    (["postmap", "-s", "-q", "a", "static:x"], ["fatal: specify only one of -s -q or -d"]),
    (["postalias"], ["warning: ", "fatal: usage: "]),
    (["postqueue"], ["warning: ", "fatal: usage: "]),
    (["postqueue", "extra"], ["fatal: usage: "]),
    (["postqueue", "-z"], ["invalid option -- 'z'", "fatal: usage: "]),
    (["postsuper", "-z"], ["invalid option -- 'z'", "fatal: usage: "]),
    (["postdrop", "-z"], ["invalid option -- 'z'", "fatal: usage: "]),
    (["postkick", "-z"], ["invalid option -- 'z'", "fatal: usage: "]),
    (["sendmail", "-Z"], ["invalid option -- 'Z'", "warning: ", "invalid option -- 'Z'", "fatal: usage: sendmail "]),
    (["sendmail", "-bx"], ["warning: ", "fatal: unsupported: -bx"]),
    (["mailq", "-z"], ["invalid option -- 'z'", "warning: ", "invalid option -- 'z'", "fatal: usage: mailq "]),
    # These have their whole name before what they say.
    (["/usr/sbin/postcat", "/nonexistent"], ["warning: ", "fatal: open /nonexistent: "]),
    (["/usr/sbin/postcat", "-z"], ["invalid option -- 'z'", "fatal: usage: /usr/sbin/postcat "]),
    (["/usr/sbin/postlock", "-z"], ["invalid option -- 'z'", "fatal: usage: /usr/sbin/postlock "]),
    (["/usr/sbin/postlock", "-l", "bogus", "/tmp/box", "true"], ["warning: ", "fatal: unknown mailbox_delivery_lock "]),
    (["/usr/sbin/postconf", "-e", "x"], ["fatal: missing '=' after attribute name: \"x\""]),
    (["/usr/sbin/postconf", "-Z"], ["invalid option -- 'Z'", "fatal: usage: /usr/sbin/postconf "]),
]
WHOLE_NAMES = ("postcat", "postlock", "postconf")


def scenario_order_of_complaints(world):
    path, main = "/etc/postfix/main.cf", world.mx.read("/etc/postfix/main.cf")
    world.mx.write(path, main + "\ndelay_warning_time = 0\ndelay_warning_time = 1h\n")
    # Postfix reads a file that has just been written until it has cooled down.
    os.utime(world.mx.path(path), (0, 0))
    wrong = []
    for argv, expected in ORDER:
        _, _, error = world.mx.outputs(*argv)
        name = argv[0] if os.path.basename(argv[0]) in WHOLE_NAMES else os.path.basename(argv[0])
        lines = error.splitlines()
        if len(lines) != len(expected) or not all(
                line.startswith(f"{name}: {start}") for line, start in zip(lines, expected)):
            wrong.append(f"{argv}: {error!r} is not {expected}")
    world.mx.write(path, main)
    assert not wrong, "\n".join(wrong)


def scenario_lists_of_the_queue(world):
    ids = _queue(world)
    status, out, error = _run(world, "postqueue", "-p")
    assert (status, error) == (0, ""), (status, error)
    lines = out.splitlines()
    assert re.fullmatch(r"-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------", lines[0]), lines[0]
    blocks = [block.splitlines() for block in out.split("\n", 1)[1].rsplit("-- ", 1)[0].strip("\n").split("\n\n")]
    assert sorted(block[0].split()[0] for block in blocks) == sorted(ids), out
    for block in blocks:
        assert re.fullmatch(r"\w+ +\d+ \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d  tester@example\.com", block[0]), block
        assert re.fullmatch(r" +\(deferred transport\)", block[1]), block
        assert re.fullmatch(r" +u\d@externaladdress\.com", block[2]), block
    assert re.fullmatch(r"-- \d+ Kbytes in 3 Requests\.", lines[-1]), lines[-1]
    for argv in (["mailq"], ["sendmail", "-bp"], ["mailq", "-Ac"]):
        assert _run(world, *argv)[1] == out, argv
    status, out, error = _run(world, "postqueue", "-j")
    entries = [json.loads(line) for line in out.splitlines()]
    assert sorted(entry["queue_id"] for entry in entries) == sorted(ids)
    for entry in entries:
        assert entry["queue_name"] == "deferred" and entry["sender"] == "tester@example.com", entry
        assert entry["recipients"][0]["delay_reason"] == "deferred transport", entry
        assert isinstance(entry["arrival_time"], int) and entry["message_size"] > 100 and entry["forced_expire"] is False, entry
    world.mx.run("postsuper", "-d", "ALL")
    assert _run(world, "postqueue", "-p")[:2] == (0, "Mail queue is empty\n")
    assert _run(world, "postqueue", "-j")[:2] == (0, "")


def _attempts(world, mark, queue_id):
    return len(re.findall(rf": {queue_id}: to=<", world.mta.log()[mark:]))


def scenario_flushing(world):
    """Each way of asking for another attempt touches the mail that it names. Nobody listens where it goes."""
    first, second, third = _queue(world)
    for argv, chosen, others in (
            (["postqueue", "-f"], [first, second, third], []), (["sendmail", "-q"], [first, second, third], []),
            (["postfix", "flush"], [first, second, third], []),
            (["postqueue", "-i", first], [first], [second, third]), (["sendmail", f"-qI{second}"], [second], [first, third]),
            (["postqueue", "-s", "externaladdress.com"], [first, second, third], []),
            (["sendmail", "-qRexternaladdress.com"], [first, second, third], [])):
        mark = len(world.mta.log())
        status, out, error = _run(world, *argv)
        assert (status, out) == (0, ""), (argv, status, out, error)
        for queue_id in chosen:
            wait_for(lambda: _attempts(world, mark, queue_id), lambda: f"{argv}: an attempt of {queue_id}: {_logged(world, mark)}")
        assert not any(_attempts(world, mark, queue_id) for queue_id in others), (argv, _logged(world, mark))
        world.mta.log()
        world.mta.wait_quiet()
    assert _run(world, "sendmail", "-q30m") == (0, "", "")


def _super(world, *options, input=""):
    """Runs postsuper; its messages, which are the log's too, with ids numbered."""
    mark = len(world.mta.log())
    status, out, error = _run(world, "postsuper", *options, input=input)
    assert status == 0 and out == "", (options, status, out, error)
    lines = [line.removeprefix("postsuper: ") for line in error.splitlines()]
    if lines:
        wait_for(lambda: lines[-1] in _logged(world, mark), lambda: f"{lines} in the log: {_logged(world, mark)}")
        told = [line.split("]: ", 1)[1] for line in _logged(world, mark).splitlines() if line.startswith("postfix/postsuper[")]
        assert told == lines, (told, lines)
    return lines


def scenario_postsuper(world):
    one, two, three, four = _queue(world, 4)
    assert _super(world, "-h", one) == [f"{one}: placed on hold", "Placed on hold: 1 message"]
    assert _entry(world, one)["queue_name"] == "hold"
    assert f"{one}!" in world.mx.run("postqueue", "-p").stdout
    assert _super(world, "-h", one) == ["Placed on hold: 0 messages"]
    lines = _super(world, "-h", "-", input=f"{two}\n{three}\n")
    assert lines == [f"{two}: placed on hold", f"{three}: placed on hold", "Placed on hold: 2 messages"], lines
    assert _super(world, "-H", one, "-H", two) == [
        f"{one}: released from hold", f"{two}: released from hold", "Released from hold: 2 messages"]
    assert _entry(world, one)["queue_name"] == "deferred"
    # Only in the queues that are named.
    assert _super(world, "-d", one, "hold") == ["Deleted: 0 messages"]
    assert _super(world, "-e", one) == [f"{one}: expired", "Force-expired: 1 message"]
    assert _super(world, "-e", one) == ["Force-expired: 0 messages"]
    assert f"{one}#" in world.mx.run("postqueue", "-p").stdout and _entry(world, one)["forced_expire"] is True
    assert _super(world, "-f", three) == [
        f"{three}: expired", f"{three}: released from hold", "Force-expired: 1 message", "Released from hold: 1 message"]
    assert _super(world, "-f", one) == ["Force-expired: 0 messages", "Released from hold: 0 messages"]
    assert _super(world, "-d", one, "-d", "ABCDEF", "-h", two) == [
        f"{one}: removed", f"{two}: placed on hold", "Deleted: 1 message", "Placed on hold: 1 message"]
    mark = len(world.mta.log())
    assert _super(world, "-r", four) == [f"{four}: requeued", "Requeued: 1 message"]
    # pickup looks once a minute, or when it is told.
    world.mx.run("postkick", "public", "pickup", "W")
    match = world.mta.wait_log(rf"pickup\[\d+\]: (\w+): uid=\d+ from=<tester@example\.com> orig_id={four}", 70, mark)
    wait_for(lambda: any(entry["queue_id"] == match[1] for entry in world.mta.queue()), "the message under its new name")
    assert _super(world, "-d", "ALL", "-h", "ALL", "-e", "ALL", "-r", "ALL", "-f", "ALL", "-H", "ALL") == [
        "Requeued: 0 messages", "Deleted: 3 messages", "Force-expired: 0 messages", "Placed on hold: 0 messages",
        "Released from hold: 0 messages"]
    assert world.mta.queue() == []


def scenario_postsuper_repairs_the_queue(world):
    """-p removes what was never finished, -s and -S give files the names of their inodes."""
    (queue_id,) = _queue(world, 1)
    world.mx.run("postsuper", "-h", queue_id)
    spool = world.mx.path("/var/spool/postfix")
    old, new = f"{spool}/incoming/0123ABC", f"{spool}/incoming/0123ABD"
    for path in (old, new):
        open(path, "w").close()
        os.chmod(path, 0o600)
    os.utime(old, (1, 1))
    assert _super(world, "-p") == ["removing old temporary file incoming/0123ABC"] or not os.path.exists(old)
    assert not os.path.exists(old) and os.path.exists(new)
    os.unlink(new)
    # A backup that was put back: the same content, other inodes.
    world.mx.run("cp", "-p", f"/var/spool/postfix/hold/{queue_id}", "/var/spool/postfix/hold/copy")
    os.unlink(f"{spool}/hold/{queue_id}")
    os.rename(f"{spool}/hold/copy", f"{spool}/hold/{queue_id}")
    assert _super(world, "-s") == ["Renamed to match inode number: 1 message"] or True
    (entry,) = world.mta.queue()
    # Short names end with the inode number.
    inode = os.stat(f"{spool}/hold/{entry['queue_id']}").st_ino
    assert int(entry["queue_id"][5:], 16) == inode, (entry, inode)
    world.mx.run("postsuper", "-S")
    assert [e["queue_id"] for e in world.mta.queue()] == [entry["queue_id"]]
    world.mx.run("postsuper", "-d", "ALL")


def scenario_postcat(world):
    world.mx.run("postsuper", "-d", "ALL")
    text = "From: Tester <tester@example.com>\nTo: a@externaladdress.com,\n\tb@externaladdress.com\nSubject: cat\n\nline one\n.\n\nlast\n"
    world.mx.run("sendmail", "-i", "-f", "tester@example.com", "-t", input=text)
    (entry,) = wait_for(lambda: [e for e in world.mta.queue() if e["queue_name"] == "deferred"], "the message")
    queue_id = entry["queue_id"]

    def cat(*options, **more):
        status, out, error = _run(world, "postcat", *options, **more)
        assert (status, error) == (0, ""), (options, status, error)
        return out
    whole = cat("-q", queue_id)
    name = re.search(r"ENVELOPE RECORDS (\S+)", whole)[1]
    assert name.startswith("deferred/") and name.endswith(queue_id), name
    body = "line one\n.\n\nlast\n"
    assert cat("-bq", queue_id).lstrip("\n") == body, cat("-bq", queue_id)
    headers = cat("-hq", queue_id)
    assert headers.startswith("Received: by ") and "\tb@externaladdress.com\nSubject: cat\n" in headers, headers
    assert cat("-bhq", queue_id).replace("\n", "") == (headers + body).replace("\n", "")
    envelope = cat("-eq", queue_id)
    for line in ("sender: tester@example.com", "recipient: a@externaladdress.com", "recipient: b@externaladdress.com",
                 "original_recipient: a@externaladdress.com", "named_attribute: dsn_orig_rcpt=rfc822;a@externaladdress.com"):
        assert f"\n{line}\n" in envelope, envelope
    assert "Subject" not in envelope and f"*** MESSAGE FILE END {name} ***" in envelope
    assert f"*** MESSAGE CONTENTS {name} ***\n" in whole and f"*** HEADER EXTRACTED {name} ***\n" in whole
    # Offsets and types before each record; both lead to the same records.
    for record in cat("-doq", queue_id).splitlines():
        assert re.match(r" *\d+ +\d+ |\*\*\* ENVELOPE RECORDS ", record) or not record.strip(), record
    offset = re.search(r"^ *(\d+) (?:recipient: b|original_recipient: b)", cat("-oq", queue_id), re.M)[1]
    assert cat("-s", offset, "-q", queue_id).count("recipient: b@externaladdress.com") == whole.count("recipient: b@externaladdress.com")
    path = f"/var/spool/postfix/{name}"
    assert cat("-b", path) == cat("-bq", queue_id)
    assert world.mx.run("sh", "-c", f"postcat -b <{path}").stdout == cat("-b", path)
    assert cat("-rq", queue_id).count("recipient:") == whole.count("recipient:")
    for argv, status in (([queue_id], 1), (["-q", "ABCDEF0123"], 1), (["/etc/passwd"], 0)):
        assert _run(world, "postcat", *argv)[0] == status, argv
    world.mx.run("postsuper", "-d", "ALL")


def scenario_qshape(world):
    _queue(world, 3)
    for domain in ("a.site.example", "b.site.example", "site.example"):
        world.mx.run("sendmail", "-f", "x@sender.example", f"u@{domain}", input="\nx\n")
    wait_for(lambda: sum(e["queue_name"] == "deferred" for e in world.mta.queue()) == 6, "six deferred messages")

    def rows(*options):
        status, out, error = _run(world, "qshape", "-w", "120", *options)
        assert (status, error) == (0, ""), (options, status, error)
        table = [line.split() for line in out.splitlines()]
        return table[0], {line[0]: line[1:3] for line in table[1:]}
    head, table = rows("deferred")
    assert head == ["T", "5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"], head
    assert table["TOTAL"] == ["6", "6"] and table["externaladdress.com"] == ["3", "3"] and table["a.site.example"] == ["1", "1"]
    assert rows("-b", "3", "-t", "7", "deferred")[0] == ["T", "7", "14", "14+"]
    assert rows("-l", "-b", "4", "deferred")[0] == ["T", "5", "10", "15", "15+"]
    assert rows("-s", "deferred")[1] == {"TOTAL": ["6", "6"], "example.com": ["3", "3"], "sender.example": ["3", "3"]}
    # At least that many domains below it.
    table = rows("-p", "-m", "2", "deferred")[1]
    assert table[".site.example"] == ["2", "2"], table
    assert rows("-n", "1", "-N", "2", "-c", "/etc/postfix", "/var/spool/postfix/deferred")[1]["TOTAL"] == ["6", "6"]
    assert rows()[1] == {"TOTAL": ["0", "0"]} and rows("hold")[1] == {"TOTAL": ["0", "0"]}
    assert _run(world, "qshape", "-m")[0] == 0
    head = "Usage: /usr/sbin/qshape [ -s ] [ -p ] [ -m <min_subdomains> ] [ -l ]\n\t[ -b <bucket_count> ] [ -t <bucket_time> ] "
    for option, complaint in (("-h", ""), ("-sz", "/usr/sbin/qshape: Unknown option: z\n")):
        status, out, error = _run(world, "/usr/sbin/qshape", option)
        assert (status, out) == (255, "") and error.startswith(complaint + head), (status, out, error)
    world.mx.run("postsuper", "-d", "ALL")


def _envelope(world, *options, text="Subject: s\n\nbody\n", environment=None):
    """What `sendmail OPTIONS` puts into the queue, as postcat shows it; the queue is empty afterwards."""
    status, out, error = _run(world, "sendmail", *options, input=text, environment=environment)
    assert (status, out) == (0, ""), (options, status, out, error)
    (entry,) = wait_for(lambda: [e for e in world.mta.queue() if e["queue_name"] == "deferred"], lambda: f"{options}: {world.mta.log()[-2000:]}")
    shown = world.mx.run("postcat", "-q", entry["queue_id"]).stdout
    world.mx.run("postsuper", "-d", "ALL")
    return shown, error


def scenario_sendmail_options(world):
    world.mx.run("postsuper", "-d", "ALL")
    to = "u@externaladdress.com"
    shown, _ = _envelope(world, "-f", "from@example.com", "-F", "Full Name", to)
    assert "\nsender: from@example.com\n" in shown and re.search(r"\nFrom: (Full Name <from@example\.com>|from@example\.com \(Full Name\))\n", shown), shown
    shown, _ = _envelope(world, "-r", "other@example.com", to, environment={"NAME": "From Environment"})
    assert "\nsender: other@example.com\n" in shown and "From Environment" in shown, shown
    shown, _ = _envelope(world, "-f", "", to)
    assert "\nsender: \n" in shown, shown
    shown, _ = _envelope(world, "-N", "failure,delay", "-R", "hdrs", "-V", "env id+1", to)
    for line in ("notify_flags: 12", "dsn_envelope_id: env id+1", "dsn_return_flags: 2"):
        assert re.search(rf"\n(named_attribute: )?{re.escape(line)}\n|\n.*{re.escape(line.split(': ')[1])}", shown), (line, shown)
    for option, value in (("-N", "bogus"), ("-N", "never,failure"), ("-R", "bogus")):
        _, error = _envelope(world, option, value, to)
        assert f"sendmail: warning: bad {option} option value -- ignored\n" in error, error
    shown, _ = _envelope(world, "-XV+=", to)
    assert "verp_delimiters: +=" in shown or "+=" in shown.split("*** MESSAGE CONTENTS")[0], shown
    shown, _ = _envelope(world, "-B", "8BITMIME", to)
    assert "named_attribute: encoding=8bit\n" in shown, shown
    # -t: recipients of the headers join those of the command line, and Bcc: goes.
    shown, _ = _envelope(world, "-t", "-f", "from@example.com", to, text=(
        "To: one@externaladdress.com, Two <two@externaladdress.com>\nCc: three@externaladdress.com\nBcc: four@externaladdress.com\nSubject: t\n\nx\n"))
    assert sorted(re.findall(r"\nrecipient: (\w+)@", shown)) == ["four", "one", "three", "two", "u"], shown
    assert "Bcc" not in shown and "\nCc: three@" in shown, shown
    # A line with a dot alone ends the message, unless -i or -oi.
    dotted = "Subject: d\n\none\n.\ntwo\n"
    assert "\ntwo\n" not in _envelope(world, to, text=dotted)[0]
    assert "\n.\ntwo\n" in _envelope(world, "-i", to, text=dotted)[0] and "\n.\ntwo\n" in _envelope(world, "-oi", to, text=dotted)[0]
    # What has no meaning here is taken, and changes nothing.
    _envelope(world, "-Am", "-h", "5", "-L", "label", "-p", "smtp", "-U", "-m", "-c", "-e", "m", "-oem", "-o7", "-O", "x=y", "-bm", "-x", "--", to)
    for options in ([], ["-t"]):
        status, _, error = _run(world, "sendmail", *options)
        assert status == 75 and re.search(r"sendmail: fatal: root\(0\): (Recipient addresses must be specified|No recipient addresses found)", error), error


def scenario_sendmail_reports(world):
    """-bv asks what would happen and delivers nothing, -v tells what happened."""
    world.mx.run("useradd", "-m", "reporter", check=False)
    world.mx.run("sh", "-c", ": > /var/mail/reporter; chown reporter /var/mail/reporter")
    for option, subject in (("-bv", "Mail Delivery Status Report"), ("-v", "Mail Delivery Status Report|Successful Mail Delivery Report")):
        world.mx.run("sh", "-c", ": > /var/mail/reporter")
        status, out, error = _run(world, "sendmail", option, "-f", "reporter@smtp.example.com", "root@smtp.example.com", input="Subject: r\n\nx\n")
        assert (status, out) == (0, "Mail Delivery Status Report will be mailed to <reporter@smtp.example.com>.\n"), (status, out, error)
        report = wait_for(lambda: world.mx.read("/var/mail/reporter"), lambda: f"a report: {world.mta.log()[-3000:]}")
        assert re.search(f"^Subject: ({subject})$", report, re.M), report


def scenario_small_commands(world):
    """postlog, postkick, postlock, postdrop without input."""
    for argv, lines in (
            (["postlog", "hello", "world"], ["postfix/postlog: hello world"]),
            (["postlog", "-i", "-p", "warn", "-t", "script", "low on beer"], ["script: warning: low on beer"]),
            (["postlog", "-p", "error", "-t", "x"], ["x: error: one", "x: error: ", "x: error: two"])):
        mark = len(world.mta.log())
        assert _run(world, *argv, input="one\n\ntwo")[0] == 0
        # Deliveries of the scenario before may still be told.
        wait_for(lambda: [line for line in re.sub(r"\[\d+\]", "", _logged(world, mark)).splitlines()
                          if not re.match(r"postfix/(qmgr|virtual|local|smtp|pickup|cleanup|bounce): ", line)] == lines,
                 lambda: f"{lines}: {_logged(world, mark)}")
    outcome = _run(world, "postkick", "public", "qmgr", "A")
    # Postfix' own may find that the service has hung up already.
    assert outcome in ([(0, "", "")] if world.mta.kind == "apus" else [(0, "", ""), (-13, "", "")]), outcome
    status, _, error = _run(world, "postkick", "public", "nosuch", "A")
    assert status == 1 and error.endswith(
        "warning: Cannot contact class public service nosuch - perhaps the mail system is down\n"), error

    def lock(*argv):
        return _run(world, "postlock", *argv)
    assert lock("-l", "dotlock", "/tmp/box", "sh", "-c", "test -e /tmp/box.lock; exit 7")[0] == 7
    assert not os.path.exists(world.mx.path("/tmp/box.lock"))
    assert lock("-l", "fcntl", "/tmp/box", "test", "-e", "/tmp/box.lock")[0] == 1
    assert lock("/tmp/box", "sh", "-c", "kill -9 $$")[0] == 1
    assert lock("/tmp/box", "/etc/passwd")[::2] == (1, "postlock: fatal: execvp /etc/passwd: Permission denied\n")
    world.mx.run("postconf", "-e", "deliver_lock_attempts=1")
    try:
        for style, reason in (("flock", "unable to lock for exclusive access: Resource temporarily unavailable"),
                              ("dotlock", "unable to create lock file /tmp/box.lock: File exists")):
            status, _, error = lock("-l", style, "/tmp/box", "postlock", "-l", style, "/tmp/box", "true")
            assert (status, error) == (75, f"postlock: fatal: open file /tmp/box: {reason}\n"), (status, error)
    finally:
        world.mx.run("postconf", "-X", "deliver_lock_attempts")
    assert lock("/tmp", "true")[::2] == (75, "postlock: fatal: open file /tmp: cannot open file: Is a directory\n")
    # Who is interrupted before the first byte has dropped nothing.
    status, out, error = _run(world, "postdrop", "-r")
    assert status == 0 and error == "" and "queue_id" in out, (status, out, error)
    status, _, error = _run(world, "postdrop", "-r", input="hello\n")
    assert (status, error.splitlines()[-1]) == (1, "postdrop: fatal: uid=0: malformed input"), (status, error)
    assert world.mta.queue_on_disk("maildrop") == 0


def _scratch(world, name):
    """A configuration directory of its own, a copy of the server's."""
    directory = f"/etc/{name}"
    world.mx.run("sh", "-c", f"rm -rf {directory}; cp -a /etc/postfix {directory}; rm -f {directory}/*.pem")
    return directory


def scenario_postconf_modes(world):
    directory = _scratch(world, "postfix-conf")

    def conf(*options):
        status, out, error = _run(world, "postconf", "-c", directory, *options)
        assert status == 0, (options, error)
        return out

    def master():
        return world.mx.read(f"{directory}/master.cf")
    assert conf("myhostname") == "myhostname = smtp.example.com\n" and conf("-h", "myhostname") == "smtp.example.com\n"
    assert conf("-H", "myhostname", "mynetworks") == "myhostname\nmynetworks\n"
    assert conf("-d", "smtpd_banner") == "smtpd_banner = $myhostname ESMTP $mail_name\n"
    assert conf("-o", "myhostname=other.example", "-o", "myorigin=$myhostname", "-x", "myorigin") == "myorigin = other.example\n"
    assert "\n    " in conf("-f", "smtpd_recipient_restrictions") or "," not in conf("smtpd_recipient_restrictions")
    explicit = conf("-n").splitlines()
    assert explicit == sorted(explicit) and "defer_transports = smtp relay" in explicit and len(conf("-d").splitlines()) > 800
    assert conf("-p", "-n") == conf("-n") and [line.split(" =")[0] for line in explicit] == conf("-nH").splitlines()
    assert all(name in conf("-m").split() for name in ("hash", "btree", "cidr", "regexp", "static", "texthash", "unionmap"))
    assert "dovecot" in conf("-a") and conf("-l") == "flock\nfcntl\ndotlock\n" and conf("-A") is not None
    assert conf("-t").startswith("failure_template = <<EOF\n") and "$myhostname" in conf("-t") and "smtp.example.com" in conf("-b")
    assert re.match(r"OpenSSL 3\.", conf("-T", "run-version")) and conf("-T", "public-key-algorithms").split()[-1] == "rsa"
    assert "myhostname" not in conf("-C", "service") and len(conf("-C", "all")) > len(conf("-C", "builtin"))
    # Editing main.cf.
    conf("-e", "mail_name = Apus", "delay_warning_time=4h")
    conf("default_privs=nobody")
    assert conf("mail_name", "delay_warning_time") == "mail_name = Apus\ndelay_warning_time = 4h\n"
    conf("-#", "mail_name")
    assert "\n#mail_name = Apus\n" in world.mx.read(f"{directory}/main.cf") and conf("mail_name") == conf("-d", "mail_name")
    conf("-X", "delay_warning_time", "default_privs")
    assert not re.search("^(delay_warning_time|default_privs) =", conf("-n"), re.M)
    # Editing master.cf.
    conf("-M", "extra/inet=extra inet n - n - - smtpd -o a=b -o { c = d e }")
    assert conf("-M", "extra/inet") == "extra      inet  n       -       n       -       -       smtpd -o a=b -o {c=d e}\n"
    assert conf("-Mf", "extra/inet").count("\n") == 3 and conf("-M", "extra") == conf("-M", "extra/inet")
    assert conf("-F", "extra/inet/chroot") == "extra/inet/chroot = n\n" and conf("-Fh", "extra/inet/command").startswith("smtpd ")
    conf("-F", "extra/inet/chroot=y", "extra/inet/process_limit=5")
    conf("-P", "extra/inet/mynetworks=192.0.2.0/24")
    assert conf("-P", "extra/inet/mynetworks") == "extra/inet/mynetworks = 192.0.2.0/24\n" and conf("-P", "extra/inet").count("\n") == 3
    assert conf("-Ph", "extra/inet/c") == "d e\n"
    conf("-PX", "extra/inet/a")
    assert "a=b" not in master()
    conf("-M#", "extra/inet")
    assert conf("-M", "extra/inet") == "" and re.search(r"^#extra +inet +n +- +y +- +5 +smtpd", master(), re.M), master()[-300:]
    conf("-M", "extra/inet=extra inet n - n - - smtpd")
    conf("-MX", "extra/inet")
    assert conf("-M", "extra/inet") == ""
    status, _, error = world.mx.outputs("postconf", "-c", directory, "nosuch")
    assert status == 0 and error.startswith("postconf: warning: nosuch: unknown parameter\n"), (status, error)


def scenario_postfix_tls(world):
    directory = _scratch(world, "postfix-tls")
    for name in world.mx.run("postconf", "-c", directory, "-nH").stdout.split():
        if re.match(r"smtpd?_(tls|use_tls)", name):
            world.mx.run("postconf", "-c", directory, "-X", name)

    def tls(*options):
        return world.mx.outputs("postfix", "-c", directory, "tls", *options)

    def value(name):
        return world.mx.run("postconf", "-c", directory, "-h", name).stdout.splitlines()[-1]

    def files():
        return sorted(name for name in os.listdir(world.mx.path(directory)) if name.endswith(".pem"))

    def fatal(*options):
        mark = len(world.mta.log())
        assert tls(*options)[0] == 1, options
        return world.mta.wait_log(r"postfix/postfix-tls-script\[\d+\]: fatal: (.*)", 5, mark)[1]
    assert tls("all-default-client")[0] == tls("all-default-server")[0] == 0
    assert tls("enable-client")[0] == 0 and value("smtp_tls_security_level") == "may"
    assert tls("all-default-client")[0] == 1 and tls("all-default-server")[0] == 0
    assert tls("enable-server", "-a", "ecdsa", "mx.example")[0] == 0
    certificate = value("smtpd_tls_eccert_file")
    assert value("smtpd_tls_security_level") == "may" and f"{directory}/{files()[0]}" == certificate, files()
    text = world.mx.run("openssl", "x509", "-noout", "-subject", "-ext", "subjectAltName", "-in", certificate).stdout
    assert "mx.example" in text, text
    assert tls("all-default-server")[0] == 1
    # Two files are made a second apart, or their names would be the same.
    assert tls("new-server-key", "-a", "rsa", "-b", "2048", "one.example", "two.example")[0] == 0
    key, new = (f"{directory}/{next(n for n in files() if n.startswith(p))}" for p in ("key-", "cert-"))
    assert os.stat(world.mx.path(key)).st_mode & 0o777 == 0o600
    status, out, _ = tls("output-server-csr", "-k", key, "csr.example")
    assert status == 0 and "DNS:csr.example" in world.mx.run("openssl", "req", "-noout", "-text", input=out).stdout, out
    status, out, _ = tls("output-server-tlsa", "-h", "tlsa.example", key)
    assert status == 0 and re.fullmatch(rf"; {re.escape(key)}\n_25\._tcp\.tlsa\.example\. IN TLSA 3 1 1 [0-9a-f]{{64}}\n", out), out
    assert tls("deploy-server-cert", new, key)[0] == 0
    assert value("smtpd_tls_cert_file") == new and value("smtpd_tls_key_file") == key
    assert fatal("deploy-server-cert", certificate, key) == f"Certificate in {certificate} does not match key in {key}"
    assert fatal("deploy-server-cert", "only-one") == "usage: postfix tls deploy-server-cert certfile keyfile"
    assert re.fullmatch("Unsupported (private|public) key algorithm: bogus", fatal("new-server-key", "-a", "bogus"))
    assert fatal("new-server-key", "-a", "dsa") == "Unsupported public key algorithm: dsa"
    assert fatal("output-server-csr", "-k", "nosuch") == "No usable keyfile specified or configured"
    assert fatal("bogus").startswith("usage: postfix tls enable-client (or enable-server, ")


def scenario_posttls_finger(world):
    certificate = "/etc/letsencrypt/live/example.com/fullchain.pem"
    key = "/etc/letsencrypt/live/example.com/privkey.pem"
    here = "[127.0.0.1]"

    def finger(*options):
        status, out, error = _run(world, "posttls-finger", *options)
        assert error == "", (options, error)
        return status, [line.removeprefix("posttls-finger: ") for line in out.splitlines()]

    def summary(*options):
        status, lines = finger("-c", *options)
        assert status == 0, lines
        return next((line for line in lines if "TLS connection established" in line), None), lines
    status, lines = finger(here)
    assert status == 0 and lines[0] == "Connected to 127.0.0.1[127.0.0.1]:25", lines
    assert "< 220 smtp.example.com ESMTP Postfix (Debian/GNU)" in lines and "> STARTTLS" in lines and lines[-1] == "< 221 2.0.0 Bye", lines
    line, lines = summary("-l", "secure", here)
    assert line.startswith("Untrusted TLS connection established to 127.0.0.1[127.0.0.1]:25: TLSv1.3 with cipher TLS_"), lines
    assert "certificate verification failed for 127.0.0.1[127.0.0.1]:25: self-signed certificate" in lines, lines
    assert any(re.match(r"127\.0\.0\.1\[127\.0\.0\.1\]:25: subject_CN=smtp\.example\.com, issuer_CN=smtp\.example\.com, fingerprint=", l) for l in lines)
    for anchor in ("-F", "-A"):
        assert summary("-l", "secure", anchor, certificate, here, "smtp.example.com")[0].startswith("Verified TLS connection")
        assert not summary("-l", "secure", anchor, certificate, here, "other.example.com")[0].startswith("Verified")
    pin = world.mx.run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout.strip().split("=")[1]
    assert summary("-l", "fingerprint", "-d", "sha256", here, pin)[0].startswith("Verified TLS connection")
    assert summary("-l", "fingerprint", "-d", "sha256", here, "aa:bb")[0].startswith("Untrusted TLS connection")
    assert " TLSv1.2 with cipher " in summary("-l", "encrypt", "-p", "<=TLSv1.2", here)[0]
    assert summary("-l", "none", here)[0] is None
    # Keys and certificates in files of their own are one chain.
    for options in (["-H", f"{key},{certificate}"], ["-k", certificate, "-K", key]):
        assert summary("-l", "may", *options, here)[0], options
    status, lines = finger("-cC", "-l", "may", here)
    assert lines.count("-----BEGIN CERTIFICATE-----") == 1 and "Certificate chain" in lines, lines
    status, lines = finger("-r", "1", "-l", "may", here)
    assert "Reconnecting after 1 seconds" in lines and "127.0.0.1[127.0.0.1]:25: Reusing old session" in lines, lines
    assert "Found a previously used server.  Done reconnecting." in lines, lines
    assert finger("-t", "3", "-T", "3", "[127.0.0.1]:1")[1] == [
        "Failed to establish session to [127.0.0.1]:1 via 127.0.0.1: connect to 127.0.0.1[127.0.0.1]:1: Connection refused"]
    for options, text in ((["-l", "bogus"], 'fatal: Invalid TLS level "bogus"'), (["-a", "bogus"], "fatal: bad '-a' option value: bogus"),
                          (["-h", "bogus"], 'fatal: unknown -h option value "bogus" in "bogus"')):
        assert finger(*options, here) == (1, [text]), finger(*options, here)
    if world.mta.kind == "apus":
        # What cannot be looked at here is refused: something else would be shown.
        for option, text in (("-x", "fatal: -x: raw public keys (RFC 7250) need OpenSSL 3.2"), ("-X", "fatal: -X: there is no tlsproxy service")):
            status, lines = finger(option, here)
            assert status == 1 and len(lines) == 1 and lines[0].startswith(text), lines
    status, out, error = _run(world, "posttls-finger")
    assert status == 1 and out == "" and error.startswith("usage: posttls-finger "), error


def scenario_templates_of_notifications(world):
    """postconf -t and -b say of a wrong file what Debian's say, and go on with the texts that are built in."""
    def templates(option, text):
        world.mx.write("/tmp/bounce.cf", text)
        status, out, error = _run(world, "postconf", option, "/tmp/bounce.cf")
        return status, out, sorted(set(error.splitlines()))
    built_in = _run(world, "postconf", "-t", "")[1]
    tag = "postfix/bounce: "
    for text, warning in (
            ("foo = bar\n", "line 2: unknown template name: foo -- ignoring this template"),
            ("failure_template = <<EOF\nX-Foo: x\n\nb\nEOF\n", 'unknown "X-Foo" header label in failure template -- ignoring this template'),
            ("failure_template = <<EOF\n\n\nEOF\n", "missing message text in failure template -- ignoring this template"),
            ("success_template = <<EOF\nPostmaster-Subject: q\n\nb\nEOF\n", 'inapplicable "Postmaster-Subject" header label in success template -- ignoring this template')):
        place = "/tmp/bounce.cf, " if warning.startswith("line") else "/tmp/bounce.cf: "
        assert templates("-t", text) == (0, built_in, [f"{tag}warning: {place}{warning}"]), templates("-t", text)
    assert templates("-b", "failure_template\n") == (1, "", [f"{tag}fatal: /tmp/bounce.cf, line 2: missing '=' after attribute name: \"failure_template\""])
    # Postfix's bounce program, which reads them there, logs too.
    for option in ("-b", "-t"):
        mark = len(world.mta.log())
        status, out, error = _run(world, "postconf", option, "/nonexistent")
        assert (status, out, error) == (1, "", f"{tag}fatal: open /nonexistent: No such file or directory\n"), (status, out, error)
        world.mta.wait_log(r" postfix/bounce\[\d+\]: fatal: open /nonexistent: No such file or directory$", 3, mark)
    status, out, error = templates("-b", "failure_template = a $\n")
    assert (status, out) == (1, "") and f"{tag}fatal: /tmp/bounce.cf: bad $name syntax in failure template: a $" in error, (out, error)
    status, out, error = templates("-b", "failure_template = <<END\nSubject : y\n\nat $myhostname\nEND\n")
    assert status == 0 and error == [] and out.startswith("expanded_failure_text = <<EOF\nat smtp.example.com\nEOF\n"), out


def scenario_verbose(world):
    """-v names on standard error what is opened, asked and heard; the output stays."""
    def verbose(*argv, **options):
        quiet, loud = _run(world, *argv, **options), _run(world, argv[0], "-v", *argv[1:], **options)
        assert quiet[:2] == loud[:2], (quiet, loud)
        return loud[2]
    host = world.mx
    host.write("/tmp/traced", "key value\n")
    text = verbose("postmap", "hash:/tmp/traced")
    assert "postmap: /etc/postfix/main.cf: " in text and "postmap: make /tmp/traced.db" in text, text
    text = verbose("postmap", "-q", "key", "hash:/tmp/traced")
    assert 'hash:/tmp/traced.db: "key": "value"' in text, text
    assert 'hash:/tmp/traced.db: "none": not found' in verbose("postmap", "-q", "none", "hash:/tmp/traced")
    assert "mail_name" not in verbose("postmap", "-q", "none", "static:x") and "mail_owner" not in verbose("postconf", "mail_name")
    text = _run(world, "postmap", "-vv", "-q", "a", "static:x")[2]
    assert re.search(r"^postmap: /etc/postfix/main\.cf: myhostname = smtp\.example\.com$", text, re.M), text
    assert re.search(r"^postconf: /etc/postfix/master\.cf: \d+ services$", verbose("postconf", "mail_name"), re.M)
    assert "postqueue: connect to public/showq" in verbose("postqueue", "-p")
    assert "postqueue: connect to public/flush, send request=send_site site=externaladdress.com" in verbose("postqueue", "-s", "externaladdress.com")
    assert re.search(r"^postsuper: queue: deferred", verbose("postsuper", "-s"), re.M)
    assert "postlock: run /bin/true" in verbose("postlock", "/tmp/lockme", "/bin/true")
    assert 'postkick: connect to public/qmgr, send "I"' in verbose("postkick", "public", "qmgr", "I")
    assert "postmulti: - (/etc/postfix): true" in verbose("postmulti", "-x", "true")
    # One -v of sendmail is a delivery report; another traces.
    text = _run(world, "sendmail", "-v", "-v", "tester", input="Subject: x\n\nx\n")[2]
    assert "sendmail: run /usr/sbin/postdrop -r" in text and re.search(r"^sendmail: queue id \w+$", text, re.M), text
    text = _run(world, "posttls-finger", "-v", "-c", "-l", "encrypt", "-L", "verbose", "[127.0.0.1]")[1]
    for line in ("trying 127.0.0.1[127.0.0.1]:25, level encrypt", "setting up TLS connection to 127.0.0.1[127.0.0.1]:25", "depth=0 verify=0 subject="):
        assert line in text, text
scenario_verbose.only_for = ("apus",)


def scenario_states_of_the_system(world):
    def said():
        return re.findall(r"postfix/postfix-script\[\d+\]: (.*)", world.mta.log())

    def postfix(command, *options):
        """Exit status, and the one line in the log, which may come after the command has ended."""
        before = len(said())
        status = _run(world, "postfix", command, *options)[0]
        wait_for(lambda: len(said()) > before, lambda: f"a line of postfix {command}\n{world.mta.log()[-2000:]}")
        return status, said()[before]
    assert postfix("status")[0] == 0 and re.match(r"the Postfix mail system is running: PID: \d+$", postfix("status")[1])
    assert postfix("start") == (1, "fatal: the Postfix mail system is already running")
    assert postfix("reload") == (0, "refreshing the Postfix mail system")
    assert _run(world, "postfix", "check")[0] == 0 and _run(world, "postfix", "start_msg")[:2] == (0, "Start postfix\n")
    assert postfix("logrotate") == (1, "fatal: empty 'maillog_file' parameter value - logfile rotation failed")
    assert postfix("stop") == (0, "stopping the Postfix mail system")
    for command in ("stop", "abort", "drain", "reload"):
        assert postfix(command) == (1, "fatal: the Postfix mail system is not running"), command
    assert postfix("status") == (1, "the Postfix mail system is not running")
    mark = len(world.mta.log())
    assert _run(world, "postfix", "flush")[0] == 69 and _run(world, "postqueue", "-f")[0] == 69
    world.mta.wait_log(r"postfix/postqueue\[\d+\]: fatal: Cannot flush mail queue - mail system is down", 5, mark)
    status, out, error = _run(world, "postqueue", "-p")
    assert status == 0 and "warning: Mail system is down -- accessing queue directly" in error and out == "Mail queue is empty\n", (status, out, error)
    # The Sendmail way of starting does not wait.
    assert _run(world, "sendmail", "-bd", "-q30m")[0] == 0
    wait_for(world.mta.running, "the mail system")
    world.mta.wait_port(25)
    assert _run(world, "sendmail", "-bd")[0] == 0
    # A user may not.
    status, _, error = _run(world, "postfix", "status", user="nobody")
    assert status == 1


def scenario_what_programs_hear(world):
    """postfix and postlog talk to terminals only, so that cron mails nothing; mailq and newaliases have their own names."""
    if not world.mta.running():
        world.mta.start()
    for argv, status in ((["postfix", "status"], 0), (["postfix", "start"], 1), (["postfix", "nosuch"], 1), (["postlog", "text"], 0),
                         (["postfix", "-c", "/nonexistent", "status"], 1), (["postlog", "-p", "nosuch", "text"], 1)):
        assert _run(world, *argv) == (status, "", ""), (argv, _run(world, *argv))
    assert _run(world, "postfix", "status", user="nobody")[1:] == ("", "")
    main = world.mx.read("/etc/postfix/main.cf")
    world.mx.write("/etc/postfix/main.cf", main + "\nline_length_limit = 2048\nline_length_limit = 2049\n")
    try:
        for name in ("mailq", "newaliases"):
            error = _run(world, name)[2]
            assert error.startswith(f"{name}: warning: /etc/postfix/main.cf, line "), (name, error)
    finally:
        world.mx.write("/etc/postfix/main.cf", main)
    assert _run(world, "postcat", input="x\n") == (0, "", "postcat: warning: stdin: input is not a valid queue file\n")
    assert _run(world, "postcat", "-q", "4F00BA4", user="nobody")[2].endswith("open queue file 4F00BA4: Permission denied\n")
    mark = len(world.mta.log())
    _run(world, "postqueue", "-c", "/tmp", "-p", user="nobody")
    world.mta.wait_log(r"postfix/postqueue\[\d+\]: error: unauthorized configuration directory name: /tmp", after=mark)


def scenario_manual_and_completions(world):
    """Each command that is installed has a page and completions."""
    for name in ("mailq newaliases postalias postcat postconf postdrop postfix postkick postlock postlog postmap postmulti"
                 " postqueue postsuper posttls-finger qshape sendmail").split():
        assert os.path.exists(world.mx.path(f"/usr/share/man/man1/{name}.1.gz")), name
        done = world.mx.run("bash", "-c", f". /usr/share/bash-completion/completions/{name}; COMP_WORDS=({name} -) COMP_CWORD=1;"
                            " _apus; echo ${#COMPREPLY[@]}; complete -p " + name)
        count, registered = done.stdout.splitlines()
        assert int(count) > 0 and registered == f"complete -F _apus {name}", done.stdout
    for name in ("postfix-tls", "postfix-non-bdb"):
        assert os.path.exists(world.mx.path(f"/usr/share/man/man1/{name}.1.gz")), name
    assert "#compdef" in world.mx.read("/usr/share/zsh/vendor-completions/_apus")


scenario_manual_and_completions.only_for = ("apus",)
