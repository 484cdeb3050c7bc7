"""Scenario 4: the outside server says 4xx and 5xx: deferral, mailq, flush, retry, bounce."""

import email
import re

from lab import peers
from lab.mta import wait_mail
from lab.smtp import message, wait_for

WORLD = {"spamd": False, "mutate": lambda name, text:
         text.replace("virtual_transport = spamass-dovecot", "virtual_transport = lmtp:unix:private/dovecot-lmtp")}


def _submit(world, subject, to, sender="foo@example.com", body="Hello.\n"):
    client = world.submission("foo@example.com")
    answer = client.mail(sender, [to], message(subject, sender, to, body))
    assert answer.startswith("250 2.0.0 Ok: queued as "), answer
    client.quit()
    return answer.rsplit(" ", 1)[1]


def scenario_deferred_then_flushed(world):
    state = {"busy": True}
    server = world.server(lambda stage, _: "451 4.7.1 come back later" if stage == "RCPT" and state["busy"] else None)
    queue_id = _submit(world, "o1", "friend@externaladdress.com")
    world.mta.wait_log(
        rf"{queue_id}: to=<friend@externaladdress\.com>, relay=mx\.externaladdress\.com\[198\.51\.100\.25\]:25, delay=[0-9.]+, "
        r"delays=[0-9./]+, dsn=4\.7\.1, status=deferred \(host mx\.externaladdress\.com\[198\.51\.100\.25\] said: "
        r"451 4\.7\.1 come back later \(in reply to RCPT TO command\)\)$")
    listed = wait_for(lambda: [m for m in world.mta.queue() if m["queue_name"] == "deferred"], "the deferred queue")
    assert listed[0]["queue_id"] == queue_id and listed[0]["sender"] == "foo@example.com", listed
    assert "said: 451 4.7.1 come back later" in listed[0]["recipients"][0]["delay_reason"], listed
    text = world.mx.run("mailq").stdout
    assert re.search(rf"^{queue_id}  +\d+ \w{{3}} \w{{3}} +\d+ \d\d:\d\d:\d\d +foo@example\.com$", text, re.M), text
    assert "friend@externaladdress.com" in text and "-- 0 Kbytes in 1 Request." in text, text
    state["busy"] = False
    world.mx.run("postfix", "flush")
    wait_for(lambda: server.messages, "the delivery after the flush")
    world.mta.wait_log(rf"{queue_id}: removed")
    world.mta.wait_empty()
    assert world.mx.run("mailq").stdout == "Mail queue is empty\n"


def scenario_bounced(world):
    world.server(lambda stage, _: "550 5.1.1 no such user here" if stage == "RCPT" else None)
    queue_id = _submit(world, "o2", "gone@externaladdress.com")
    world.mta.wait_log(
        rf"{queue_id}: to=<gone@externaladdress\.com>, relay=mx\.externaladdress\.com\[198\.51\.100\.25\]:25, delay=[0-9.]+, "
        r"delays=[0-9./]+, dsn=5\.1\.1, status=bounced \(host mx\.externaladdress\.com\[198\.51\.100\.25\] said: "
        r"550 5\.1\.1 no such user here \(in reply to RCPT TO command\)\)$")
    world.mta.wait_log(rf"postfix/bounce\[\d+\]: {queue_id}: sender non-delivery notification: [0-9A-Za-z]+$")
    text = wait_mail(world.mx, "foo@example.com", "Undelivered Mail Returned to Sender")
    bounce = email.message_from_string(text)
    assert bounce.get_content_type() == "multipart/report" and bounce.get_param("report-type") == "delivery-status", text
    explanation, status, original = bounce.get_payload()
    assert "This is the mail system at host smtp.example.com." in explanation.get_payload()
    assert "<gone@externaladdress.com>: host mx.externaladdress.com[198.51.100.25] said: 550 5.1.1" in " ".join(explanation.get_payload().split())
    assert status.get_content_type() == "message/delivery-status"
    per_message, recipient = status.get_payload()
    assert per_message["Reporting-MTA"] == "dns; smtp.example.com" and per_message["X-Postfix-Queue-ID"] == queue_id
    assert recipient["Final-Recipient"] == "rfc822; gone@externaladdress.com" and recipient["Action"] == "failed"
    assert recipient["Status"] == "5.1.1" and recipient["Remote-MTA"] == "dns; mx.externaladdress.com"
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload()[0]["Subject"] == "o2"
    assert bounce["From"].endswith("<MAILER-DAEMON@smtp.example.com>") and bounce["To"] == "foo@example.com"
    assert bounce["Auto-Submitted"] == "auto-replied"


def scenario_loops_back(world):
    """The best MX host of the destination is this server itself."""
    queue_id = _submit(world, "o3", "x@loop.example")
    world.mta.wait_log(rf"{queue_id}: to=<x@loop\.example>, relay=none, .*status=bounced \(mail for loop\.example loops back to myself\)$")


def scenario_second_mx(world):
    """The first MX host does not answer: the second one takes the message."""
    server = world.server()
    queue_id = _submit(world, "o4", "friend@two.example")
    wait_for(lambda: server.messages, "the message at the second MX host")
    world.mta.wait_log(rf"{queue_id}: to=<friend@two\.example>, relay=mx\.externaladdress\.com\[198\.51\.100\.25\]:25, .*status=sent")


def scenario_connection_refused(world):
    queue_id = _submit(world, "o5", "friend@externaladdress.com")
    world.mta.wait_log(
        rf"{queue_id}: to=<friend@externaladdress\.com>, relay=none, delay=[0-9.]+, delays=[0-9./]+, dsn=4\.4\.1, "
        r"status=deferred \(connect to mx\.externaladdress\.com\[198\.51\.100\.25\]:25: Connection refused\)$")
    world.mx.run("postsuper", "-d", queue_id)
    world.mta.wait_empty()


def scenario_partial_success(world):
    """One recipient of two is refused: the other one gets the message, the sender one bounce."""
    server = world.server(lambda stage, text: "550 5.1.1 no" if stage == "RCPT" and "bad@" in text else None)
    client = world.submission("foo@example.com")
    answer = client.mail("foo@example.com", ["good@externaladdress.com", "bad@externaladdress.com"], message("o6", "foo@example.com"))
    queue_id = answer.rsplit(" ", 1)[1]
    client.quit()
    wait_for(lambda: server.messages, "the message")
    assert server.messages[0].recipients == ["good@externaladdress.com"]
    world.mta.wait_log(rf"{queue_id}: to=<good@externaladdress\.com>, .*status=sent")
    world.mta.wait_log(rf"{queue_id}: to=<bad@externaladdress\.com>, .*status=bounced")
    world.mta.wait_log(rf"{queue_id}: removed")


def scenario_hold_and_release(world):
    state = {"open": False}
    server = world.server(lambda stage, _: "421 4.3.0 not now" if stage == "CONNECT" and not state["open"] else None)
    queue_id = _submit(world, "o7", "friend@externaladdress.com")
    wait_for(lambda: [m for m in world.mta.queue() if m["queue_name"] == "deferred"], "the deferred message")
    world.mx.run("postsuper", "-h", queue_id)
    assert [m["queue_name"] for m in world.mta.queue()] == ["hold"]
    state["open"] = True
    world.mx.run("postfix", "flush")
    world.mx.run("postsuper", "-H", queue_id)
    world.mx.run("postqueue", "-i", queue_id)
    wait_for(lambda: server.messages, "the released message")
    world.mta.wait_empty()


def scenario_success_notification(world):
    world.server(lambda stage, _: "250-mx\n250 8BITMIME" if stage == "EHLO" else None)
    client = world.submission("foo@example.com")
    client.expect("MAIL FROM:<foo@example.com> RET=HDRS ENVID=abc+2B1", "250")
    client.expect("RCPT TO:<friend@externaladdress.com> NOTIFY=SUCCESS ORCPT=rfc822;friend@externaladdress.com", "250")
    assert client.content(message("o8", "foo@example.com")).startswith("250 ")
    client.quit()
    text = wait_mail(world.mx, "foo@example.com", "Successful Mail Delivery Report")
    assert "Original-Envelope-Id: abc+1" in text and "Action: relayed" in text and "Content-Type: text/rfc822-headers" in text, text


def scenario_hosts_file(world):
    """/etc/hosts names a server, with smtp_host_lookup = native, and a client."""
    host = world.mx
    before = host.read("/etc/hosts"), host.read("/etc/postfix/main.cf")
    try:
        for path in ("/etc/hosts", "/var/spool/postfix/etc/hosts"):
            host.write(path, before[0] + f"{peers.OUTSIDE_MX} listed-only.example\n{peers.NAMELESS} named.example\n")
        host.write("/etc/postfix/main.cf", before[1] + "smtp_host_lookup = native\nrelayhost = [listed-only.example]\n")
        # Postfix' processes that ran before keep their idea of the hosts file.
        world.mta.stop()
        world.mta.start()
        server = world.server()
        _submit(world, "by hosts", "friend@externaladdress.com")
        wait_for(lambda: server.messages, "the delivery to a server of the hosts file")
        world.mta.wait_log(r"to=<friend@externaladdress\.com>, relay=listed-only\.example\[198\.51\.100\.25\]:25")
        mark = len(world.mta.log())
        world.client(source=peers.NAMELESS).quit()
        world.mta.wait_log(rf"smtpd\[\d+\]: connect from named\.example\[{peers.NAMELESS}\]", after=mark)
    finally:
        for path in ("/etc/hosts", "/var/spool/postfix/etc/hosts"):
            host.write(path, before[0])
        host.write("/etc/postfix/main.cf", before[1])
        world.mta.stop()
        world.mta.start()
