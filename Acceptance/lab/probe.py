"""Asks a troubled server, and waits for what it answers: never a permanent refusal, never a 250 that is not kept."""

import itertools
import random
import re

from lab import peers
from lab.smtp import Client, wait_for

_numbers = itertools.count()


class Probe:
    """One message after the other, each accounted for in the ledger."""

    def __init__(self, world, book, kinds=("ok", "mbox", "vmaildir")):
        self.world, self.book, self.kinds = world, book, kinds

    def ask(self, lines=1):
        """A transaction with a recipient of each kind; returns the first reply that is no success, or the last."""
        number = next(_numbers)
        promise = self.book.several(self.kinds, f"probe{number}", lines)
        try:
            client = Client(self.world.outside, peers.MX, 25, peers.OUTSIDE, timeout=60)
        except OSError as error:
            return f"421 {error}"
        try:
            if not client.greeting.startswith("220 "):
                return client.greeting or "421 hung up"
            for line in ["EHLO out.example.net", f"MAIL FROM:<{promise.sender}>"] + [f"RCPT TO:<{to}>" for to in promise.recipients]:
                answer = client.command(line)
                if not answer.startswith("250"):
                    return answer or "421 hung up"
            try:
                return self.book.transfer(client, promise, random.Random(number).choice((0, 1))) or "421 hung up"
            except AssertionError as error:
                return re.sub(r".*got '", "", str(error)).rstrip("'") or "421 hung up"
        except OSError as error:
            return f"421 {error}"
        finally:
            client.close()

    def refused(self, pattern=r"4\d\d ", seconds=30, lines=1):
        """Waits until mail is refused, as the pattern says; a permanent refusal never comes."""
        seen = []

        def met():
            answer = self.ask(lines)
            seen.append(answer)
            assert not answer.startswith("5"), f"a permanent refusal: {answer}"
            return re.match(pattern, answer) and answer
        return wait_for(met, lambda: f"a refusal like {pattern}; answers: {seen[-5:]}\n{self.world.mta.log()[-2500:]}", seconds)

    def accepted(self, seconds=30, lines=1):
        """Waits until mail is taken again."""
        seen = []

        def met():
            answer = self.ask(lines)
            seen.append(answer)
            assert not answer.startswith("5"), f"a permanent refusal: {answer}"
            return answer.startswith("250 ") and answer
        return wait_for(met, lambda: f"mail to be taken; answers: {seen[-5:]}\n{self.world.mta.log()[-2500:]}", seconds)


class Alive:
    """The processes of a server, to see that none of them dies (workers may end for want of work)."""

    def __init__(self, world):
        self.world = world
        self.before = self._found()

    def _found(self):
        return {pid: name for pid, name in self.world.mta.processes().items() if name in ("master", "receive", "queue", "send", "deliver")}

    def check(self):
        """Debian's Postfix ends processes as it goes: nothing to see there."""
        gone = {pid: name for pid, name in self.before.items() if pid not in self._found()}
        assert not gone or self.world.mta.kind != "apus", f"died: {gone}\n{self.world.mta.log()[-3000:]}"
