"""Apus and Debian's Postfix side by side: the same files, the same peers, the same dialogue, and what differs."""

import os
import re
import threading
import time

from lab.world import World


class Twins:
    """`apus` is the scenarios' own world, `postfix` a second one that is the same but for the server. Both live as long as
    the first: the scenarios of a module share them."""

    def __init__(self, world, prepare, **options):
        self.apus = world
        self.postfix = World("postfix", None, **options)
        world.others.append(self.postfix)
        self.both(lambda side: (prepare(side), side.mta.start()))
        # The connections that found the server ready.
        self.both(lambda side: side.mta.wait_log(r"disconnect from localhost"))

    @classmethod
    def of(cls, world, prepare, **options):
        if not hasattr(world, "twins"):
            world.twins = cls(world, prepare, **options)
        return world.twins

    def both(self, action):
        """Calls `action` for each side at the same time. Returns Apus' result and Postfix's."""
        results = {}

        def work(name, side):
            try:
                results[name] = (action(side), None)
            except BaseException as error:  # handed to the caller
                results[name] = (None, error)
        threads = [threading.Thread(target=work, args=pair) for pair in (("apus", self.apus), ("postfix", self.postfix))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in ("postfix", "apus"):
            if results[name][1]:
                raise results[name][1]
        return results["apus"][0], results["postfix"][0]

    def same(self, look, what, seconds=15):
        """Waits until `look(side)` gives the same list of lines on both sides."""
        deadline = time.monotonic() + seconds
        while True:
            apus, postfix = look(self.apus), look(self.postfix)
            if apus == postfix and apus:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}\n{difference(apus, postfix)}")
            time.sleep(0.05)


def difference(apus, postfix):
    """Lines that only one of the two has."""
    rest = list(postfix)
    only = []
    for line in apus:
        if line in rest:
            rest.remove(line)
        else:
            only.append(line)
    return "\n".join([f"  apus:    {line!r}" for line in only] + [f"  postfix: {line!r}" for line in rest])


_IDS = re.compile(r"(?:\b(?:[0-9A-F]{9,16})\b(?=[:>)@\]./\s,;\"^$]|$))|\b[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]{10,16}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]{4,}\b")
_NUMBERS = [
    (re.compile(r"\[\d+\]: "), "[]: "),
    (re.compile(r"delay=(?:0|[0-9.]+), delays=(?:[0-9.]+/){3}[0-9.]+, "), "delay=D, delays=D, "),
    (re.compile(r"<\d{14}\.ID@"), "<STAMP.ID@"),
    (re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), {1,2}\d+ \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4} \(\w+\)"), "DATE"),
    (re.compile(r"ID\.\d+/"), "ID.N/"),
    # Queue ids, which stand in them several times, are not all of one length.
    (re.compile(r"(from=<(?:double-bounce@[^>]*)?>, size=)\d+"), r"\1N"),
    # Documented since 3.9.
    (re.compile(r" notes=bare_lf$"), ""),
    (re.compile(r"(?<=[\w.-]) \((?:Debian/GNU|Postfix)\)"), ""),
]


def normal(text):
    """Text without queue ids, process ids, times and delays."""
    text = _IDS.sub("ID", text)
    for pattern, replacement in _NUMBERS:
        text = pattern.sub(replacement, text)
    return text


_NOT_COMPARED = re.compile(
    # The lines of the server's own life, and of other programs.
    r"postfix/(?:master|postfix-script|scache|anvil|tlsmgr|postlog|postsuper)\[|dovecot: |"
    # Processes of Postfix open a table when they first use it, those of Apus when they start.
    r"error: open database |"
    # A delay of seconds, in hours.
    r"delay template|bounce\(5\) manual|"
    r"mail_stream_cleanup: close error")


def log_lines(side, after=0):
    """The mail log in normal form and order, without the lines of the server's own life."""
    lines = [line[19:] for line in side.mta.log()[after:].splitlines() if not _NOT_COMPARED.search(line)]
    return sorted(normal(line) for line in lines)
