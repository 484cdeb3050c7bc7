"""kill -9 of any process at any moment, round after round: what was acknowledged is delivered, bounced or queued, whole.

    ROUNDS=500 SEED=1 Acceptance/run --install DIR --only kill_rounds"""

import collections
import os
import random
import signal
import time

from lab import ledger
from lab.ledger import Ledger
from lab.load import Burst
from lab.smtp import wait_for

WORLD = {"mutate": ledger.mutate, "spamd": False, "dovecot": False}


def _dead(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def _kill(pids):
    """Kills and waits for the ends, so that a dying master does not pass for a running one."""
    killed = []
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        except ProcessLookupError:
            pass
    wait_for(lambda: all(_dead(pid) for pid in killed), "killed processes to end")
    return len(killed)


def _victims(world, rng):
    """Processes to kill at once: one of any kind (each kind is as likely), two, or all."""
    found = world.mta.processes()
    names = sorted(set(found.values()))
    if not names or rng.random() < 0.2:
        return found
    chosen = rng.sample(names, min(len(names), rng.choice((1, 1, 1, 2))))
    return {rng.choice(sorted(pid for pid in found if found[pid] == name)): name for name in chosen}


def _up(world):
    """Starts the server when its master is gone; what is left of the old one makes way."""
    if not world.mta.running():
        wait_for(lambda: world.mx.run("postfix", "start", check=False).returncode == 0, "a new start", 60)
    world.mta.wait_port(25)


def scenario_random_kills(world):
    seed, rounds = ledger.seed(), int(os.environ.get("ROUNDS") or 25)
    print(f"     SEED={seed} ROUNDS={rounds}", flush=True)
    book = Ledger.of(world)
    killed = collections.Counter()
    began = time.monotonic()
    for number in range(rounds):
        rng = random.Random(f"{seed}/{number}")
        burst = Burst(world, book, f"{seed}/{number}", f"r{number}", 0.8)
        for _ in range(rng.choice((1, 1, 2))):
            time.sleep(rng.uniform(0.02, 0.5))
            victims = _victims(world, rng)
            if _kill(victims):
                killed["all" if len(victims) > 2 else "+".join(sorted(victims.values()))] += 1
        _up(world)
        burst.wait()
        _up(world)
        if number % 10 == 9 or number == rounds - 1:
            book.settle()
            book.archive()
            took = (time.monotonic() - began) / (number + 1)
            print(f"     {number + 1} rounds, {took:.1f} s each: {book.summary()}", flush=True)
    print(f"     killed: {dict(killed)}", flush=True)
    _leaves_nothing(world, book)


def _leaves_nothing(world, book):
    """Files of messages whose clients never heard a 250 are all that is left, and go with a start a week later."""
    root = world.mx.path(ledger.QUEUE)
    world.mta.stop()
    left = book.orphans()
    whole = [path for path in left if os.stat(f"{root}/{path}").st_mode & 0o700 != 0o600]
    assert not whole, f"files without mail: {whole[:20]}"
    for path in left:
        os.utime(f"{root}/{path}", (time.time() - 8 * 86400,) * 2)
    world.mta.start()
    assert not (left := book.orphans()), left[:20]
