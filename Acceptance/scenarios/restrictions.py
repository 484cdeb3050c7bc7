"""Scenario 3: every limit and restriction of the article rejects at the right stage with Postfix's code and text."""

import re

from lab import peers
from lab.smtp import Client, message


def _lists(name, text):
    """The article's last step: the recipient blacklist and the RBL line join the recipient restrictions."""
    if name != "main.cf":
        return text
    return text.replace(
        "        reject_unauth_destination,\n# Haven't tested the below line yet\n#        reject_rbl_client sbl.spamhaus.org,\n",
        "        check_recipient_access hash:/etc/postfix/recipient_blacklist,\n"
        "        reject_unauth_destination,\n        reject_rbl_client sbl.spamhaus.org,\n")


WORLD = {"mutate": _lists, "spamd": False}


def _rejected(world, reply, helo="out.example.net", sender="someone@example.net", recipient="foo@example.com",
              source=peers.OUTSIDE, stage="RCPT"):
    """The whole answer to RCPT is `reply`, and the log has it."""
    client = world.client(source=source)
    client.expect(f"EHLO {helo}", "250-")
    client.expect(f"MAIL FROM:<{sender}>", "250 2.1.0 Ok")
    answer = client.command(f"RCPT TO:<{recipient}>")
    assert answer == reply, f"wanted {reply!r}, got {answer!r}"
    client.quit()
    world.mta.wait_log(
        rf"postfix/smtpd\[\d+\]: NOQUEUE: reject: {stage} from \S+\[{re.escape(source)}\]: {re.escape(reply)}; "
        rf"from=<{re.escape(sender)}> to=<{re.escape(recipient)}> proto=ESMTP helo=<{re.escape(helo)}>$")


def scenario_invalid_helo(world):
    _rejected(world, "501 5.5.2 <bad_!name>: Helo command rejected: Invalid name", helo="bad_!name")


def scenario_non_fqdn_helo(world):
    _rejected(world, "504 5.5.2 <localname>: Helo command rejected: need fully-qualified hostname", helo="localname")


def scenario_unknown_helo(world):
    _rejected(world, "450 4.7.1 <nobody.example.org>: Helo command rejected: Host not found", helo="nobody.example.org")


def scenario_helo_dns_failure(world):
    client = world.client()
    client.expect("EHLO mail.servfail.example", "250-")
    client.expect("MAIL FROM:<someone@example.net>", "250")
    client.expect("RCPT TO:<foo@example.com>", "450 4.7.1 <mail.servfail.example>: Helo command rejected: Host not found")
    client.quit()


def scenario_recipient_blacklist(world):
    _rejected(world, "554 5.7.1 <recipient@example.com>: Recipient address rejected: Access denied", recipient="recipient@example.com")


def scenario_rbl(world):
    _rejected(
        world, "554 5.7.1 Service unavailable; Client host [198.51.100.99] blocked using sbl.spamhaus.org; listed in the laboratory",
        helo="listed.example.net", source=peers.RBL_LISTED)


def scenario_relay_denied(world):
    _rejected(world, "554 5.7.1 <x@externaladdress.com>: Relay access denied", recipient="x@externaladdress.com")


def scenario_unknown_recipient_domain(world):
    _rejected(world, "450 4.1.2 <x@nowhere.example.org>: Recipient address rejected: Domain not found", recipient="x@nowhere.example.org")


def scenario_null_mx_recipient(world):
    _rejected(world, "556 5.1.10 <x@nomail.example>: Recipient address rejected: Domain nomail.example does not accept mail (nullMX)", recipient="x@nomail.example")


def scenario_unlisted_local(world):
    _rejected(world, "550 5.1.1 <missing@smtp.example.com>: Recipient address rejected: User unknown in local recipient table", recipient="missing@smtp.example.com")


def scenario_unlisted_virtual(world):
    _rejected(world, "550 5.1.1 <nobody@foobar.com>: Recipient address rejected: User unknown in virtual mailbox table", recipient="nobody@foobar.com")


def scenario_relay_denied_for_loopback(world):
    """With compatibility_level 2 the recipient list runs first and refuses even 127.0.0.1."""
    client = Client(world.mx, "127.0.0.1")
    client.expect("EHLO smtp.example.com", "250-")
    client.expect("MAIL FROM:<someone@example.com>", "250")
    client.expect("RCPT TO:<x@externaladdress.com>", "554 5.7.1 <x@externaladdress.com>: Relay access denied")
    client.quit()


def scenario_unknown_client_name(world):
    """A client without a name may send; the log and the Received header say unknown."""
    client = world.client(source=peers.NAMELESS)
    client.expect("EHLO out.example.net", "250-")
    client.expect("MAIL FROM:<someone@example.net>", "250")
    client.expect("RCPT TO:<foo@example.com>", "250 2.1.5 Ok")
    client.quit()
    world.mta.wait_log(r"connect from unknown\[198\.51\.100\.66\]")


def scenario_size_limit(world):
    client = world.greeted()
    assert "250-SIZE 10485760" in client.command("EHLO out.example.net")
    client.expect("MAIL FROM:<someone@example.net> SIZE=10485761", "552 5.3.4 Message size exceeds fixed limit")
    client.quit()
    client = world.greeted()
    client.expect("MAIL FROM:<someone@example.net>", "250")
    client.expect("RCPT TO:<foo@example.com>", "250")
    answer = client.content(message("r1", body=("x" * 99 + "\n") * 110000))
    assert answer == "552 5.3.4 Error: message file too big", answer
    client.quit()
    assert not world.mta.queue()


def scenario_recipient_limit(world):
    client = world.greeted()
    client.expect("MAIL FROM:<someone@example.net>", "250")
    for number in range(100):
        client.expect(f"RCPT TO:<user{number}@example.com>", "250 2.1.5 Ok")
    client.expect("RCPT TO:<user100@example.com>", "452 4.5.3 Error: too many recipients")
    client.quit()


def scenario_connection_count_limit(world):
    clients = [world.client() for _ in range(10)]
    refused = world.client()
    assert refused.greeting == "421 4.7.0 smtp.example.com Error: too many connections from 198.51.100.10", refused.greeting
    for client in clients:
        client.quit()
    refused.close()
    world.mta.wait_log(r"warning: Connection concurrency limit exceeded: 11 from out\.example\.net\[198\.51\.100\.10\] for service smtp$")


def scenario_header_size_limit(world):
    """A header over 51200 bytes is cut, the message is delivered all the same."""
    server_log = len(world.mta.log())
    client = world.greeted(source=peers.NAMELESS)
    text = message("r2").replace("MIME-Version", "X-Long: " + "y" * 60000 + "\nMIME-Version")
    answer = client.mail("someone@example.net", ["foo@example.com"], text)
    assert answer.startswith("250 2.0.0 Ok: queued"), answer
    client.quit()
    queue_id = answer.rsplit(" ", 1)[1]
    size = int(world.mta.wait_log(rf"{queue_id}: from=<someone@example\.net>, size=(\d+)", after=server_log).group(1))
    assert 51200 < size < 54000, size


def scenario_junk_commands(world):
    client = world.client(source=peers.NAMELESS)
    client.expect("EHLO out.example.net", "250-")
    for _ in range(100):
        client.expect("NOOP", "250 2.0.0 Ok")
    client.expect("FOO", "500 5.5.2 Error: command not recognized")
    client.expect("GET / HTTP/1.0", "")
    client.close()
    world.mta.wait_log(r"warning: non-SMTP command from unknown\[198\.51\.100\.66\]: GET / HTTP/1\.0")


def scenario_connection_rate_limit(world):
    """The 31st connection within a minute is refused."""
    refused = None
    for _ in range(40):
        client = world.client(source=peers.RBL_LISTED)
        if client.greeting.startswith("421"):
            refused = client.greeting
            client.close()
            break
        client.quit()
    assert refused == "421 4.7.0 smtp.example.com Error: too many connections from 198.51.100.99", refused
    world.mta.wait_log(r"warning: Connection rate limit exceeded: 31 from listed\.example\.net\[198\.51\.100\.99\] for service smtp$")
