"""Scenario 6: messages queued by Debian's Postfix (deferred, held, incoming) are taken over and delivered, and the
other way round."""

import re

from lab import peers
from lab.smtp import Client, message, wait_for
from scenarios.crash import _subjects, _unlimited


def _quick(name, text):
    # Without a queue manager, in_flow_delay would hold up each message by a second.
    return _unlimited(name, text) + ("in_flow_delay = 0\n" if name == "main.cf" else "")


WORLD = {"mutate": _quick, "spamd": False, "dovecot": False}
START = False

COUNT = 400


def _send(world, prefix, count):
    client = Client(world.outside, peers.MX, 25, peers.OUTSIDE)
    client.expect("EHLO out.example.net", "250")
    for number in range(count):
        assert client.mail("someone@example.net", ["bar@example.com"], message(f"{prefix}-{number}")).startswith("250 ")
    client.quit()


def _hand_over(world, old, new):
    state = {"busy": True}
    server = world.server(lambda stage, _: "451 4.3.0 busy" if stage == "MAIL" and state["busy"] else None)
    world.mta.put_programs(old)
    world.mta.start()
    _send(world, "deferred", COUNT // 2)
    wait_for(lambda: sum(m["queue_name"] == "deferred" for m in world.mta.queue()) == COUNT // 2, "the deferred messages", 90)
    _send(world, "hold", COUNT // 4)
    world.mx.run("postsuper", "-h", "ALL")
    world.mta.stop()
    held = world.mta.queue_on_disk("hold")
    assert held, "nothing was put on hold"
    # Without a queue manager, what comes in stays in incoming.
    master = world.mx.read("/etc/postfix/master.cf")
    world.mx.write("/etc/postfix/master.cf", re.sub(r"^qmgr ", "#qmgr ", master, flags=re.M))
    world.mta.put_programs("postfix")
    world.mta.start()
    _send(world, "incoming", COUNT // 4)
    world.mta.stop()
    world.mx.write("/etc/postfix/master.cf", master)
    assert world.mta.queue_on_disk("incoming") >= COUNT // 4

    world.mta.put_programs(new)
    state["busy"] = False
    world.mta.start()
    world.mx.run("postsuper", "-H", "ALL")
    world.mx.run("postfix", "flush")
    wanted = {f"{p}-{n}" for p, c in (("deferred", COUNT // 2), ("hold", COUNT // 4), ("incoming", COUNT // 4)) for n in range(c)}

    def settled():
        if wanted <= _subjects(server):
            return True
        world.mx.run("postfix", "flush")
        return False
    wait_for(settled, lambda: f"{len(wanted - _subjects(server))} messages: {sorted(wanted - _subjects(server))[:5]}", 120)
    assert len(server.messages) == COUNT, f"{len(server.messages)} deliveries of {COUNT} messages"
    world.mta.wait_empty()
    world.mta.stop()


def scenario_from_debians_postfix(world):
    _hand_over(world, "postfix", world.mta.kind)


def scenario_to_debians_postfix(world):
    _hand_over(world, world.mta.kind, "postfix")


scenario_to_debians_postfix.only_for = ("apus",)
