"""Reads traces of system calls and judges the order in which they made mail durable.

A trace is what `strace -f -y -o FILE` writes. strace stops a process at the start and at the end of each call, so the
order of the lines is an order in which things happened: the end of an fsync stands above the write that was made because of it."""

import collections
import os
import re
import subprocess
import time

from lab.smtp import wait_for

# What the judge looks at: changes of files, synchronisation, names, network.
CALLS = ("open,openat,creat,write,pwrite64,writev,pwritev,sendto,sendmsg,read,recvfrom,recvmsg,rename,renameat,renameat2,link,linkat,unlink,"
         "unlinkat,ftruncate,fallocate,fchmod,chmod,fsync,fdatasync,exit_group")
_LINE = re.compile(r"^(\d+) +(?:\d+\.\d+ +)?(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+|\?)(?:<[^>]*>)?(?: .*)?$", re.S)

Call = collections.namedtuple("Call", "start end pid name arguments result")


def parse(text):
    """The calls of a trace in the order in which they ended; `start` and `end` are line numbers."""
    calls, open_calls = [], {}
    for number, line in enumerate(text.splitlines()):
        found = _LINE.match(line)
        if not found:
            continue
        pid, rest = int(found.group(1)), found.group(2)
        start = number
        if rest.endswith(" <unfinished ...>"):
            open_calls[pid] = (number, rest[:-len(" <unfinished ...>")])
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)$", rest, re.S)
        if resumed and pid in open_calls:
            start, head = open_calls.pop(pid)
            rest = head + resumed.group(1)
        call = _CALL.match(rest)
        if call:
            result = int(call.group(3)) if call.group(3) != "?" else None
            calls.append(Call(start, number, pid, call.group(1), call.group(2), result))
    # A call that never ends, such as exit_group, and one that was cut off.
    for pid, (number, head) in open_calls.items():
        if "(" in head:
            name, arguments = head.split("(", 1)
            calls.append(Call(number, number, pid, name, arguments, None))
    return calls


class Order(AssertionError):
    """Something was told, or thrown away, before it was safe."""


def _path(call):
    """The file of a call on a descriptor: `fsync(7</var/spool/…>)`."""
    found = re.match(r"\d+<([^>]*?)(?:\(deleted\))?>", call.arguments)
    return found.group(1) if found else ""


def _names(call):
    """The path names that a call is given."""
    return re.findall(r'"((?:[^"\\]|\\.)*)"', call.arguments)


_WRITES = {"write", "pwrite64", "writev", "pwritev"}
_SENDS = _WRITES | {"sendto", "sendmsg"}
_CHANGES = _WRITES | {"ftruncate", "fallocate", "fchmod"}


class Judge:
    """Questions about the order of a trace."""

    def __init__(self, calls):
        self.calls = calls

    def synchronised(self, ends_with, before, changed=_CHANGES):
        """The fsync that made a file safe: it came after the file's last change before line `before`, began after that
        change had ended, and had itself ended, with success, before `before`."""
        def its(call):
            return _path(call).endswith(ends_with)
        changes = [c for c in self.calls if c.name in changed and its(c) and c.start < before]
        if not changes:
            raise Order(f"{ends_with} was never written before line {before}")
        last = max(c.end for c in changes)
        for call in self.calls:
            if call.name in ("fsync", "fdatasync") and its(call) and call.result == 0 and last < call.start and call.end < before:
                return call
        raise Order(f"{ends_with} was not synchronised between its last change (line {last}) and line {before}")

    def told(self, text):
        """The call that sends a text to somebody."""
        for call in self.calls:
            if call.name in _SENDS and text in call.arguments and ("<TCP" in call.arguments or "<socket:" in call.arguments or "<UNIX" in call.arguments):
                return call
        raise Order(f"nobody was told {text!r}")

    def queued(self, queue_id, before):
        """The queue file is complete, synchronised and has its name before line `before`."""
        done = self.synchronised("/" + queue_id, before)
        for call in self.calls:
            if call.name.startswith("rename") and call.result == 0 and _names(call)[-1].endswith("/" + queue_id):
                if call.end > done.start:
                    raise Order(f"{queue_id} got its name (line {call.end}) after it was synchronised (line {done.start})")
                break
        else:
            raise Order(f"{queue_id} never got its name")
        return done

    def acknowledged(self, queue_id):
        """The queue file is safe before the client is told so."""
        return self.queued(queue_id, self.told(f"queued as {queue_id}").start)

    def recipient_done(self, queue_id, of=None):
        """The first call that takes a recipient from a message: the one-byte mark, or the message's end.
        `of`: only from this address' delivery on, that is after this call."""
        for call in self.calls:
            if of is not None and call.start <= of.start:
                continue
            if call.name in _WRITES and _path(call).endswith("/" + queue_id) and '"D", 1' in call.arguments:
                return call
            if call.name.startswith("unlink") and call.result == 0 and _names(call)[-1].endswith("/" + queue_id) and self._is_mail(_names(call)[-1]):
                return call
            if call.name.startswith("rename") and call.result == 0:
                old, new = _names(call)[0], _names(call)[-1]
                if old.endswith("/" + queue_id) and "spare/" in new:
                    return call
        raise Order(f"{queue_id} was never finished")

    @staticmethod
    def _is_mail(path):
        return any(f"{queue}/" in path for queue in ("maildrop", "incoming", "active", "deferred"))

    def delivered(self, queue_id, file):
        """A mailbox file is safe before the recipient is taken from the message."""
        first = next((c for c in self.calls if c.name in _WRITES and _path(c).endswith(file)), None)
        if first is None:
            raise Order(f"{file} was never written")
        return self.synchronised(file, self.recipient_done(queue_id, of=first).start)

    def delivered_to_maildir(self, queue_id, maildir, directories=True):
        """The message's file is synchronised in tmp, then gets its name in new, then new is synchronised (with `directories`),
        then the recipient is done."""
        for call in self.calls:
            if call.name.startswith(("rename", "link")) and call.result == 0 and _names(call)[-1].startswith(maildir + "/new/"):
                break
        else:
            raise Order(f"nothing came into {maildir}/new")
        temporary = _names(call)[0]
        if not temporary.startswith("/"):
            raise Order(f"{temporary} is not a whole path")
        self.synchronised("/" + os.path.basename(temporary), call.start)
        done = self.recipient_done(queue_id, of=call)
        for directory in self.calls if directories else ():
            if (directory.name == "fsync" and _path(directory).endswith(maildir + "/new") and directory.result == 0
                    and call.end < directory.start and directory.end < done.start):
                return done
        if not directories:
            return done
        raise Order(f"{maildir}/new was not synchronised between its new name (line {call.end}) and the end of the delivery (line {done.start})")

    def bounced(self, queue_id, notification):
        """The log of the bounce is safe before the recipient is done; the notification before the log and the message go."""
        self.queued(notification, self.recipient_done_by_removal(queue_id).start)
        log = [c for c in self.calls if c.name in _WRITES and re.search(rf"/(bounce|trace|defer)/(./)*{queue_id}$", _path(c))]
        if log:
            gone = next((c for c in self.calls if c.name.startswith("unlink") and c.result == 0
                         and re.search(rf"(bounce|trace)/(./)*{queue_id}$", _names(c)[-1])), None)
            if gone:
                self.queued(notification, gone.start)

    def recipient_done_by_removal(self, queue_id):
        for call in self.calls:
            if call.result == 0 and call.name.startswith("unlink") and self._is_mail(_names(call)[-1]) and _names(call)[-1].endswith("/" + queue_id):
                return call
            if call.result == 0 and call.name.startswith("rename") and _names(call)[0].endswith("/" + queue_id) and "spare/" in _names(call)[-1]:
                return call
        raise Order(f"{queue_id} never left the queue")

    def logged_bounce(self, queue_id):
        """The bounce log's entry is synchronised before the recipient is marked."""
        def is_log(call):
            return re.search(rf"/bounce/(./)*{queue_id}$", _path(call))
        first = next((c for c in self.calls if c.name in _WRITES and is_log(c)), None)
        if first is None:
            raise Order(f"no bounce log of {queue_id}")
        done = self.recipient_done(queue_id, of=first)
        for call in self.calls:
            if call.name == "fsync" and is_log(call) and call.result == 0 and first.end < call.start and call.end < done.start:
                return done
        raise Order(f"the bounce log of {queue_id} was not synchronised before line {done.start}")

    def handed_over(self, dropped, queue_id):
        """pickup: the queue file is safe before the file in maildrop goes."""
        for call in self.calls:
            if call.name.startswith(("unlink", "rename")) and call.result == 0 and f"maildrop/{dropped}" in _names(call)[0]:
                return self.queued(queue_id, call.start)
        raise Order(f"maildrop/{dropped} never went")


class Trace:
    """strace attached to a server's processes and all that they start."""

    def __init__(self, mta, file, calls=CALLS, count=False):
        self.file = file
        pids = mta.processes()
        options = ["-c", "-f"] if count else ["-f", "-y", "-yy", "-s", "400", "-e", f"trace={calls}", "-qq"]
        targets = [argument for pid in pids for argument in ("-p", str(pid))]
        self.process = subprocess.Popen(["strace", *options, "-o", file, *targets], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # Attached when each thread says who traces it.
        wait_for(lambda: all(self._traced(pid) for pid in pids), "strace to attach", 20)

    def _traced(self, pid):
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/status") as status:
                    if f"TracerPid:\t{self.process.pid}\n" not in status.read():
                        return False
        except OSError:
            return True  # it has ended
        return True

    def stop(self):
        """Detaches; returns the trace."""
        time.sleep(0.2)
        self.process.terminate()
        self.process.communicate(timeout=30)
        with open(self.file, errors="replace") as file:
            return file.read()


def count(text):
    """The table of `strace -c`: call → how often."""
    found = {}
    for line in text.splitlines():
        columns = line.split()
        if len(columns) >= 5 and columns[3].isdigit() and columns[-1] != "total":
            found[columns[-1]] = int(columns[3])
    return found
