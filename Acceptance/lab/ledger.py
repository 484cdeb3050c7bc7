"""The ledger of mail: what was promised with a 250 or an exit status 0, and what became of each recipient."""

import os
import random
import re
import threading

from lab.smtp import message, wait_for

QUEUE = "/var/spool/postfix"
# Where the mail of the ledger's local recipients goes: see `accounts`.
MBOX, MAILDIR, VIRTUAL_MBOX, VIRTUAL_MAILDIR = (
    "/var/mail/tester", "/home/mdir/Maildir", "/var/vmail/foobar/box", "/var/vmail/foobar/dir")

# Local part (before the key of the recipient) and domain of each kind; the scripted server answers after the local part.
KINDS = {
    "ok": ("ok.", "externaladdress.com"),          # taken
    "later": ("later.", "externaladdress.com"),    # 450 at the first attempt, then taken
    "no": ("no.", "externaladdress.com"),          # 550: bounced
    "mbox": ("tester+", "smtp.example.com"),       # local(8) into a mailbox file
    "maildir": ("mdir+", "smtp.example.com"),      # local(8) through ~/.forward into a maildir
    "vmbox": ("box+", "foobar.com"),               # virtual(8) into a mailbox file
    "vmaildir": ("dir+", "foobar.com"),            # virtual(8) into a maildir
}


def mutate(name, text):
    """The article's files, changed for a ledger: relay for the outside client, no limits, mailboxes by virtual(8)."""
    if name == "main.cf":
        text = re.sub(r"smtpd_client_connection_(count|rate)_limit = \d+", r"smtpd_client_connection_\1_limit = 0", text)
        text = text.replace("virtual_transport = spamass-dovecot", "virtual_transport = virtual")
        text = text.replace("mynetworks = ", "mynetworks = 198.51.100.0/24 ")
        text = text.replace("reject_unauth_destination,", "permit_mynetworks, reject_unauth_destination,")
        # The lock files of killed deliveries stand in the way of later ones for this long.
        text += "\nstale_lock_time = 1s\nvirtual_mailbox_limit = 0\n"
    if name == "vmailbox":
        text = "box@foobar.com foobar/box\ndir@foobar.com foobar/dir/\n"
    return text


def accounts(world):
    """The local recipients."""
    for user in ("tester", "mdir"):
        if world.mx.run("id", user, check=False).returncode != 0:
            world.mx.run("useradd", "-m", user)
    world.mx.write("/home/mdir/.forward", MAILDIR + "/\n")
    world.mx.run("chown", "mdir:mdir", "/home/mdir/.forward")
    world.mx.run("install", "-d", "-o", "150", "-g", "8", "/var/vmail/foobar")


class Promise:
    """A message and its recipients. `acknowledged`: the server said that it has it."""

    def __init__(self, key, sender, recipients, body):
        self.key, self.sender, self.recipients, self.body = key, sender, recipients, body
        self.acknowledged = False
        # The ledger's clock when that was heard.
        self.mark = None

    @property
    def text(self):
        return message(self.key, sender=self.sender, body=self.body)


class Ledger:
    """Makes messages, and finds out what became of them. Thread-safe where clients use it."""

    def __init__(self, world, kinds=tuple(KINDS)):
        self.world, self.kinds = world, kinds
        self.lock = threading.Lock()
        self.promises = {}
        self._by_recipient = {}
        self.server = None
        # What the outside server took: recipient → how often; recipients named in bounce messages.
        self.delivered, self.bounced = {}, {}
        self.damaged = []
        # Copies in mailboxes that were emptied since.
        self._archived = {}
        self._tried = set()
        # Marks what is acknowledged and delivered, such as with a position in a log. `done` has the earliest mark of each
        # recipient that the outside world has.
        self.clock = lambda: None
        self.done = {}
        self.open()

    @classmethod
    def of(cls, world):
        """The world's ledger, whose mailboxes outlive a scenario, with an outside server for this scenario."""
        if getattr(world, "ledger", None):
            world.ledger.look()
            world.ledger.open()
        else:
            accounts(world)
            world.ledger = cls(world)
        return world.ledger

    def open(self):
        """Starts the outside server."""
        self.server = self.world.server(self._script)
        self.server.clock = lambda: self.clock()
        self._read = 0

    def view(self):
        """A ledger of the same messages with nothing done yet, and a server that takes everything at once."""
        other = Ledger(self.world, self.kinds)
        other.promises, other._by_recipient = self.promises, self._by_recipient
        other._first = lambda _: False
        return other

    # Making

    def one(self, kind, key):
        """A short message to one recipient."""
        local, domain = KINDS[kind]
        return self._keep(Promise(key, f"s.{key}@externaladdress.com", [f"{local}{key}-0@{domain}"], f"begin {key}\nend {key}\n"))

    def several(self, kinds, key, lines=1):
        """A message to one recipient of each kind."""
        recipients = [f"{KINDS[kind][0]}{key}-{number}@{KINDS[kind][1]}" for number, kind in enumerate(kinds)]
        body = f"begin {key}\n" + f"{key} 0123456789012345678901234567890123456789012345678901234\n" * lines + f"end {key}\n"
        return self._keep(Promise(key, f"s.{key}@externaladdress.com", recipients, body))

    def make(self, rng, key):
        """A message with one to four recipients of any kind, of one line to 60 KB."""
        refused = rng.random()
        sender = ("end4." if refused < 0.05 else "end5." if refused < 0.1 else "s.") + key + "@externaladdress.com"
        recipients = []
        for number in range(rng.choice((1, 1, 1, 2, 3, 4))):
            local, domain = KINDS[rng.choice(self.kinds)]
            recipients.append(f"{local}{key}-{number}@{domain}")
        lines = [rng.choice(("", ".", "..")) + "%064x" % rng.getrandbits(256) for _ in range(rng.choice((1, 3, 20, 60, 900)))]
        return self._keep(Promise(key, sender, recipients, f"begin {key}\n" + "\n".join(lines) + f"\nend {key}\n"))

    def _keep(self, promise):
        with self.lock:
            self.promises[promise.key] = promise
            for recipient in promise.recipients:
                self._by_recipient[recipient] = promise
        return promise

    def send(self, client, promise, rng, chunks=None):
        """One transaction over SMTP, with DATA or BDAT (in one piece or two); notes whether it was acknowledged."""
        client.expect(f"MAIL FROM:<{promise.sender}>", "250 ")
        for recipient in promise.recipients:
            client.expect(f"RCPT TO:<{recipient}>", "250 ")
        return self.transfer(client, promise, rng.choice((0, 0, 1, 2)) if chunks is None else chunks)

    def transfer(self, client, promise, chunks):
        """The content, after the envelope; notes whether it was acknowledged."""
        if chunks == 0:
            answer = client.content(promise.text)
        else:
            data = promise.text.replace("\n", "\r\n").encode()
            cut = len(data) // 2 if chunks == 2 else 0
            if cut:
                client.send(f"BDAT {cut}\r\n".encode() + data[:cut])
                assert client.reply().startswith("250 "), "a chunk was refused"
            client.send(f"BDAT {len(data) - cut} LAST\r\n".encode() + data[cut:])
            answer = client.reply()
        promise.acknowledged, promise.mark = answer.startswith("250 "), self.clock()
        return answer

    def submit(self, promise):
        """With sendmail; notes whether its exit status says that it was taken."""
        done = self.world.mx.run("sendmail", "-i", "-f", promise.sender, *promise.recipients, input=promise.text, check=False)
        promise.acknowledged, promise.mark = done.returncode == 0, self.clock()
        return done

    def _script(self, stage, argument):
        """The outside server's answers."""
        if stage == "RCPT":
            address = argument[argument.find("<") + 1:argument.find(">")]
            if address.startswith("no."):
                return "550 5.1.1 no such user"
            if address.startswith("later.") and self._first(address):
                return "450 4.2.0 come again"
        if stage == "END" and argument:
            if argument.startswith("end5."):
                return "554 5.7.1 not wanted"
            if argument.startswith("end4.") and self._first(argument):
                return "451 4.3.0 come again"
        return None

    def _first(self, what):
        with self.lock:
            if what in self._tried:
                return False
            self._tried.add(what)
            return True

    # Looking

    def look(self):
        """Reads what has arrived since the last look at the outside server."""
        messages = self.server.messages
        while self._read < len(messages):
            received = messages[self._read]
            self._read += 1
            self._outside(received)

    def _outside(self, received):
        text = received.content.replace("\r\n", "\n")
        if received.sender == "":
            for recipient in re.findall(r"^Final-Recipient: rfc822; *(\S+)", text, re.M):
                self.bounced[recipient] = self.bounced.get(recipient, 0) + 1
                self.done.setdefault(recipient, received.mark)
            return
        for recipient in received.recipients:
            promise = self._by_recipient.get(recipient)
            if promise is None or not text.endswith("\n\n" + promise.body):
                self.damaged.append((recipient, text[-200:]))
            self.delivered[recipient] = self.delivered.get(recipient, 0) + 1
            self.done.setdefault(recipient, received.mark)

    def mailboxes(self):
        """Whole copies in the local mailboxes: recipient → how often. What is torn is no copy."""
        found = dict(self._archived)
        texts = [self._text(MBOX), self._text(VIRTUAL_MBOX)]
        for maildir in (MAILDIR, VIRTUAL_MAILDIR):
            folder = self.world.mx.path(maildir + "/new")
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                text = self._text(f"{maildir}/new/{name}")
                texts.append(text)
                recipient = re.search(r"^Delivered-To: (\S+)$", text, re.M)
                promise = recipient and self._by_recipient.get(recipient.group(1))
                if not promise or not text.endswith("\n\n" + promise.body):
                    self.damaged.append((name, text[-200:]))
        for text in texts:
            for start in re.finditer(r"^Delivered-To: (\S+)$", text, re.M):
                promise = self._by_recipient.get(start.group(1))
                # The message's own headers and body follow its Delivered-To.
                if promise and text.find(promise.body, start.end(), start.end() + len(promise.body) + 3000) >= 0:
                    found[start.group(1)] = found.get(start.group(1), 0) + 1
        return found

    def archive(self):
        """Empties the mailboxes, so that a look costs the same after a thousand rounds. For a settled ledger."""
        self._archived = self.mailboxes()
        for path in (MBOX, VIRTUAL_MBOX):
            if os.path.exists(self.world.mx.path(path)):
                os.truncate(self.world.mx.path(path), 0)
        for maildir in (MAILDIR, VIRTUAL_MAILDIR):
            folder = self.world.mx.path(maildir + "/new")
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                os.unlink(f"{folder}/{name}")

    def wrongly_bounced(self):
        """Recipients that were returned though nobody refused them."""
        def refused(recipient):
            outside = recipient.endswith("@externaladdress.com")
            return recipient.startswith("no.") or outside and self._by_recipient[recipient].sender.startswith("end5.")
        return [recipient for recipient in self.bounced if recipient in self._by_recipient and not refused(recipient)]

    def _text(self, path):
        try:
            return self.world.mx.read(path)
        except FileNotFoundError:
            return ""

    def counts(self):
        """Every recipient that is done: how often it was delivered or bounced."""
        self.look()
        counts = dict(self.mailboxes())
        for found in (self.delivered, self.bounced):
            for recipient, number in found.items():
                counts[recipient] = counts.get(recipient, 0) + number
        return counts

    def acknowledged(self):
        """The recipients of all acknowledged messages."""
        with self.lock:
            promises = list(self.promises.values())
        return [recipient for promise in promises if promise.acknowledged for recipient in promise.recipients]

    def owed(self, position):
        """What was acknowledged up to a mark and not delivered to the outside world or bounced by then."""
        self.look()
        late = position + 1
        return [recipient for promise in self.promises.values() if promise.acknowledged and promise.mark <= position
                for recipient in promise.recipients if self.done.get(recipient, late) > position]

    def missing(self, wanted=None):
        """Recipients (of all acknowledged messages, without `wanted`) that are neither delivered nor bounced."""
        counts = self.counts()
        return [recipient for recipient in (self.acknowledged() if wanted is None else wanted) if recipient not in counts]

    def settle(self, seconds=int(os.environ.get("SETTLE") or 120), wanted=None):
        """Waits until every recipient (of every acknowledged message, without `wanted`) is delivered or bounced, and the
        queue is empty."""
        world = self.world

        def done():
            # The user's mailbox, past the .forward file that was there all the time.
            assert not self._text("/var/mail/mdir"), "mail went past a .forward file"
            left = self.missing(wanted)
            if not left and not self._dropped() and not world.mta.queue():
                return True
            world.mx.run("postfix", "flush", check=False)
            world.mx.run("postkick", "public", "pickup", "W", check=False)
            return False

        def report():
            left = self.missing(wanted)
            queue = world.mx.run("postqueue", "-p", check=False).stdout
            files = world.mx.run("sh", "-c", f"ls -la {QUEUE}/maildrop {QUEUE}/incoming {QUEUE}/active").stdout
            return f"{len(left)} recipients: {left[:8]}\n{queue[-1500:]}\n{files[-1500:]}\n{world.mta.log()[-3000:]}"
        wait_for(done, report, seconds)
        assert not self.damaged, f"{len(self.damaged)} damaged messages: {self.damaged[:2]}"
        assert not (wrong := self.wrongly_bounced()), f"{len(wrong)} recipients returned for no reason: {wrong[:5]}\n{world.mta.log()[-2000:]}"

    def _dropped(self):
        """Whole files in maildrop: what was cut off has no mode of mail."""
        folder = self.world.mx.path(QUEUE + "/maildrop")
        found = []
        for name in os.listdir(folder):
            try:
                if os.stat(f"{folder}/{name}").st_mode & 0o100:
                    found.append(name)
            except FileNotFoundError:
                pass
        return found

    def orphans(self):
        """Files that are left in an empty queue."""
        root = self.world.mx.path(QUEUE)
        return [os.path.relpath(os.path.join(directory, name), root)
                for queue in ("incoming", "active", "deferred", "bounce", "defer", "trace", "maildrop", "corrupt")
                for directory, _, names in os.walk(f"{root}/{queue}") for name in names]

    def summary(self):
        counts = self.counts()
        promises = [p for p in self.promises.values() if p.acknowledged]
        recipients = [r for p in promises for r in p.recipients]
        return (f"{len(promises)} of {len(self.promises)} messages acknowledged, {len(recipients)} recipients: "
                f"{sum(r in self.bounced for r in recipients)} bounced, "
                f"{sum(counts.get(r, 0) > 1 for r in recipients)} more than once")


def seed():
    """The seed of a run: SEED, or a new one. It is printed: the same seed makes the same choices."""
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
