"""Queue files record by record, without what differs between two runs."""

import os
import re

from lab.twins import normal

_QUEUES = ("incoming", "active", "deferred", "hold", "maildrop", "corrupt", "defer", "bounce", "trace")
_TIMES = [
    (re.compile(r"^T \d+ \d+$"), "T TIME"),
    # Where an entry of a log points to depends on the length of a time.
    (re.compile(r"^offset=\d+$"), "offset="),
    (re.compile(r"\b1[0-9]{9}\b"), "TIME"),
    (re.compile(r"^C +(\d+) +\d+(.*)$"), r"C \1 \2"),
    (re.compile(r"^A create_time=.*"), "A create_time="),
    (re.compile(r"^(A log_client_port|A client_port)=\d+"), r"\1=PORT"),
    (re.compile(r"^X \d+"), "X"),
    (re.compile(r"instance=\w+\.\w+\.\d+\.\w+"), "instance=INSTANCE"),
    (re.compile(r"\b\d+\b(?=/TIME)"), "N"),
]


def _records(data):
    """The records in the order that a reader follows: type and text, with offsets blanked."""
    offset, found = 0, []
    while offset < len(data):
        kind = chr(data[offset])
        offset += 1
        length = shift = 0
        while True:
            byte = data[offset]
            offset += 1
            length |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        text = data[offset:offset + length].decode("latin-1")
        offset += length
        if kind == "p":
            # Where room is left for pointers matters, where they lead does not.
            found.append("p" if int(text) == 0 else "p ->")
            if int(text):
                offset = int(text)
            continue
        # Since 3.10.
        if not text.startswith("message_id="):
            found.append(f"{kind} {text}")
        if kind == "E":
            break
    return found


def _normal(text):
    for pattern, replacement in _TIMES:
        text = pattern.sub(replacement, text)
    return normal(text).rstrip()


def queue_files(side, queues=_QUEUES):
    """Every file of the queues as lines: `queue mode owner`, then its records or lines."""
    found = []
    spool = side.mx.path("/var/spool/postfix")
    for queue in queues:
        for directory, _, files in os.walk(os.path.join(spool, queue)):
            for name in files:
                path = os.path.join(directory, name)
                try:
                    status = os.stat(path)
                    with open(path, "rb") as file:
                        data = file.read()
                    logged = queue in ("defer", "bounce", "trace")
                    lines = data.decode("latin-1").splitlines() if logged else _records(data)
                except (FileNotFoundError, IndexError, ValueError):
                    # On its way to another queue, or half written.
                    found.append([queue])
                    continue
                found.append([f"{queue} {status.st_mode & 0o7777:o} {status.st_uid}:{status.st_gid}"] + [_normal(line) for line in lines])
    return sorted(found)


def empty_queues(side):
    side.mx.run("postsuper", "-d", "ALL")
