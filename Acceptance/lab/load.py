"""Clients that send unique messages, whatever happens to the server meanwhile."""

import random
import threading
import time

from lab.smtp import Client, message
from lab import peers


class Load:
    """`threads` clients send numbered messages to `recipient`. `acknowledged` holds the subjects answered with 250."""

    def __init__(self, world, recipient, threads=4, prefix="load", pause=0.03):
        self.world, self.recipient, self.prefix, self.pause = world, recipient, prefix, pause
        self.acknowledged, self.attempts = set(), 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def _work(self, number):
        count, client = 0, None
        while not self.stopping.is_set():
            subject = f"{self.prefix}-{number}-{count}"
            count += 1
            try:
                if client is None:
                    client = Client(self.world.outside, peers.MX, 25, peers.OUTSIDE, timeout=20)
                    client.expect("EHLO out.example.net", "250")
                with self.lock:
                    self.attempts += 1
                if client.mail("someone@example.net", [self.recipient], message(subject)).startswith("250 "):
                    with self.lock:
                        self.acknowledged.add(subject)
                # A steady load: the outside server of the laboratory is no match for a mail server at full speed.
                time.sleep(self.pause)
            except (OSError, AssertionError):
                if client:
                    client.close()
                client = None
                time.sleep(0.1)
        if client:
            client.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        return self.acknowledged


class Burst:
    """Clients of all kinds for a part of a second: three that speak SMTP, one with sendmail. The seed makes the messages."""

    def __init__(self, world, book, seed, prefix, seconds):
        self.world, self.book, self.prefix = world, book, prefix
        self.end = time.monotonic() + seconds
        workers = [(self._speak, name) for name in "abc"] + [(self._submit, "d")]
        self.threads = [threading.Thread(target=work, args=(random.Random(f"{seed}/{name}"), name), daemon=True)
                        for work, name in workers]
        for thread in self.threads:
            thread.start()

    def _speak(self, rng, name):
        client, count = None, 0
        while time.monotonic() < self.end:
            try:
                if client is None:
                    client = Client(self.world.outside, peers.MX, 25, peers.OUTSIDE, timeout=20)
                    client.expect("EHLO out.example.net", "250")
                count += 1
                self.book.send(client, self.book.make(rng, f"{self.prefix}{name}{count}"), rng)
            except (OSError, AssertionError):
                if client:
                    client.close()
                client = None
                time.sleep(0.02)
        if client:
            client.close()

    def _submit(self, rng, name):
        count = 0
        while time.monotonic() < self.end:
            count += 1
            self.book.submit(self.book.make(rng, f"{self.prefix}{name}{count}"))
            time.sleep(rng.random() / 10)

    def wait(self):
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"
