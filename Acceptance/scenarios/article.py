"""Scenario 1: the article's files, byte for byte, deliver mail through SpamAssassin into Dovecot's mailboxes."""

import os
import re
import signal
import time

from lab.load import Load
from lab.mta import mailbox, wait_mail
from lab.smtp import message, wait_for
from scenarios.crash import _unlimited


def scenario_mailbox_user(world):
    client = world.greeted()
    answer = client.mail("someone@example.net", ["user42@foobar.com"], message("a1", to="user42@foobar.com"))
    assert answer.startswith("250 2.0.0 Ok: queued as "), answer
    text = wait_mail(world.mx, "user42@foobar.com", "a1")
    assert text.startswith("Return-Path: <someone@example.net>\n"), text
    assert "\nDelivered-To: user42@foobar.com\n" in text, text
    assert "\nX-Spam-Checker-Version: SpamAssassin" in text, text
    assert "\nReceived: from out.example.net (out.example.net [198.51.100.10])\n\tby smtp.example.com (Postfix) with ESMTP id " in text, text
    assert "\n\tfor <user42@foobar.com>; " in text, text
    assert text.endswith("\n\nHello.\n"), text
    client.quit()


def scenario_catch_all(world):
    client = world.greeted()
    client.mail("someone@example.net", ["whoever@example.com"], message("a2"))
    wait_mail(world.mx, "yrt127@example.com", "a2")
    world.mta.wait_log(r"to=<yrt127@example\.com>, orig_to=<whoever@example\.com>, relay=spamass-dovecot, ")
    client.quit()


def scenario_extension(world):
    client = world.greeted()
    client.mail("someone@example.net", ["foo+ext@example.com"], message("a3"))
    world.mta.wait_log(r"to=<foo\+ext@example\.com>, relay=spamass-dovecot, .*status=sent \(delivered via spamass-dovecot service\)")
    wait_mail(world.mx, "foo+ext@example.com", "a3")
    client.quit()


def scenario_forward(world):
    server = world.server()
    client = world.greeted()
    client.mail("someone@example.net", ["bar@example.com"], message("a4"))
    wait_for(lambda: server.messages, lambda: "the forwarded message\n" + world.mta.log()[-2000:])
    received = server.messages[0]
    assert received.sender == "someone@example.net" and received.recipients == ["bar@externaladdress.com"], vars(received)
    assert received.helo == "smtp.example.com", received.helo
    assert received.content.endswith("\r\n\r\nHello.\r\n"), received.content
    world.mta.wait_log(
        r"to=<bar@externaladdress\.com>, orig_to=<bar@example\.com>, relay=mx\.externaladdress\.com\[198\.51\.100\.25\]:25, "
        r"delay=[0-9.]+, delays=[0-9./]+, dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: taken\)")
    client.quit()


def scenario_bytes_intact(world):
    """Dots, long lines, 8-bit text and empty lines arrive as sent."""
    body = ".\n..\n.hidden\n" + "x" * 5000 + "\n\n" + "Grüße\n" * 200 + "\n\n"
    client = world.greeted()
    client.expect("MAIL FROM:<someone@example.net> BODY=8BITMIME", "250 ")
    client.expect("RCPT TO:<foo@example.com>", "250 ")
    assert client.content(message("a5", body=body)).startswith("250 2.0.0 Ok: queued as ")
    text = wait_mail(world.mx, "foo@example.com", "a5")
    assert text.endswith("\n\n" + body), text[-800:]
    client.quit()


def scenario_log_lines(world):
    """One message leaves the lines that the tools read, in Postfix's order of fields."""
    client = world.greeted()
    answer = client.mail("someone@example.net", ["foo@example.com"], message("a6"))
    queue_id = answer.rsplit(" ", 1)[1]
    client.quit()
    wait_mail(world.mx, "foo@example.com", "a6")
    for pattern in (
        r"postfix/smtpd\[\d+\]: connect from out\.example\.net\[198\.51\.100\.10\]$",
        rf"postfix/smtpd\[\d+\]: {queue_id}: client=out\.example\.net\[198\.51\.100\.10\]$",
        rf"postfix/cleanup\[\d+\]: {queue_id}: message-id=<a6\.1234567890@lab\.example>$",
        rf"postfix/qmgr\[\d+\]: {queue_id}: from=<someone@example\.net>, size=\d+, nrcpt=1 \(queue active\)$",
        rf"postfix/pipe\[\d+\]: {queue_id}: to=<foo@example\.com>, relay=spamass-dovecot, delay=[0-9.]+, delays=[0-9./]+, "
        r"dsn=2\.0\.0, status=sent \(delivered via spamass-dovecot service\)$",
        rf"postfix/qmgr\[\d+\]: {queue_id}: removed$",
        r"disconnect from out\.example\.net\[198\.51\.100\.10\] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5$",
    ):
        world.mta.wait_log(pattern)


def scenario_tools_read_the_log(world):
    """pflogsumm and fail2ban's own filter understand what is logged."""
    client = world.greeted()
    client.expect("MAIL FROM:<someone@example.net>", "250")
    client.expect("RCPT TO:<someone@externaladdress.com>", "554 5.7.1")
    client.quit()
    world.mta.wait_log(r"reject: RCPT from .*<someone@externaladdress\.com>: Relay access denied")
    summary = world.mx.run("pflogsumm", "/var/log/mail.log").stdout
    received = int(next(line for line in summary.splitlines() if line.strip().endswith("received")).split()[0])
    delivered = int(next(line for line in summary.splitlines() if line.strip().endswith("delivered")).split()[0])
    rejected = int(next(line for line in summary.splitlines() if " rejected " in line).split()[0])
    assert received >= 1 and delivered >= 1 and rejected >= 1, summary
    found = world.mx.run("fail2ban-regex", "/var/log/mail.log", "postfix[mode=aggressive]").stdout
    failures = int(next(line for line in found.splitlines() if line.startswith("Failregex:")).split()[1])
    assert failures >= 1, found


def scenario_table_picked_up(world):
    """A changed table serves the next session without a reload."""
    world.mx.write("/etc/postfix/virtual", world.mx.read("/etc/postfix/virtual") + "late@example.com foo@example.com\n")
    world.mx.run("postmap", "/etc/postfix/virtual")

    def arrives():
        client = world.greeted()
        answer = client.mail("someone@example.net", ["late@example.com"], message("a7"))
        client.quit()
        assert answer.startswith("250 "), answer
        queue_id = answer.rsplit(" ", 1)[1]
        return world.mta.wait_log(rf"{queue_id}: to=<(\S+)>, orig_to=<late@example\.com>").group(1) == "foo@example.com"
    # The article's server takes 30 connections a minute from a client.
    wait_for(arrives, "the new alias", 10, pause=0.5)


def scenario_local_submission(world):
    """sendmail accepts mail; root's mail follows /etc/aliases and virtual aliases."""
    world.mx.run("sendmail", "-f", "someone@example.net", "foo@example.com", input=message("a8"))
    text = wait_mail(world.mx, "foo@example.com", "a8")
    assert "by smtp.example.com (Postfix, from userid 0)\n" in text, text
    world.mx.run("sendmail", "-i", "-t", "-f", "root", input=message("a9", to="root") + ".\nend\n")
    text = wait_mail(world.mx, "foo@example.com", "a9")
    assert "\n.\nend\n" in text, text
    assert "Return-Path: <root@smtp.example.com>" in text, text


def scenario_killed_processes_lose_nothing(world):
    """kill -9 of every process in turn, while mail goes through SpamAssassin into mailboxes."""
    main = world.mx.read("/etc/postfix/main.cf")
    world.mx.write("/etc/postfix/main.cf", _unlimited("main.cf", main))
    world.mx.run("postfix", "reload")
    load = Load(world, "foo@example.com", threads=2, prefix="spam", pause=0.3)
    for name in ("deliver", "queue", "receive", "deliver"):
        time.sleep(1.2)
        for pid, program in world.mta.processes().items():
            if program == name:
                os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    acknowledged = load.stop()
    assert len(acknowledged) >= 5, f"only {len(acknowledged)} of {load.attempts} messages were accepted"

    def settled():
        there = {subject for text in mailbox(world.mx, "foo@example.com") for subject in re.findall("^Subject: (\\S+)", text, re.M)}
        if acknowledged <= there:
            return True
        world.mx.run("postfix", "flush", check=False)
        time.sleep(1)
        return False
    wait_for(settled, lambda: f"the acknowledged messages\n{world.mta.log()[-3000:]}", 90)
    world.mta.wait_empty()
    world.mx.write("/etc/postfix/main.cf", main)
    world.mx.run("postfix", "reload")


scenario_killed_processes_lose_nothing.only_for = ("apus",)
