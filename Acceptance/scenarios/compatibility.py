"""Old defaults of compatibility_level: the log names each decision that one of them makes (COMPATIBILITY_README)."""

import re
import ssl

from lab.smtp import message, wait_for
from lab.world import configured

MAIN = """
myhostname = smtp.example.com
mydestination = $myhostname, home.example
alias_maps = hash:/etc/aliases
local_recipient_maps =
relayhost = [192.0.2.254]
relay_clientcerts = static:x
smtpd_tls_cert_file = /etc/letsencrypt/live/example.com/fullchain.pem
smtpd_tls_key_file = /etc/letsencrypt/live/example.com/privkey.pem
smtpd_tls_security_level = may
smtpd_tls_ask_ccert = yes
inet_protocols = ipv4
"""
WORLD = configured(MAIN, "open unix - - - - - smtp\n")
START = False
FRIEND = "192.0.2.254"
OLD = "using backwards-compatible default setting "
GUARD = "permit_mynetworks, reject_unauth_destination"


def _set(world, level, restrictions=GUARD, more=""):
    """Starts or reloads with these settings; returns where the log then begins."""
    mark = len(world.mta.log())
    world.mx.write("/etc/postfix/main.cf",
                   f"{MAIN}compatibility_level = {level}\nsmtpd_recipient_restrictions = {restrictions}\n{more}")
    (world.mta.reload if world.mta.running() else world.mta.start)()
    world.mta.wait_port(25)
    return mark


def _talk(world, *lines, source="198.51.100.10"):
    client = world.client(source=source)
    replies = [client.command(line) for line in lines]
    client.quit()
    return replies


def _notes(world, mark):
    """Program and text of the lines about old defaults, each once."""
    return sorted({f"{program}: {text}" for program, text in re.findall(
        rf"postfix/(?:relay/)?([\w-]+)\[\d+\]: (?:/etc/postfix/master\.cf: line \d+: )?{OLD}(.*)", world.mta.log()[mark:])})


def _expect(world, mark, *expected):
    wait_for(lambda: _notes(world, mark) == sorted(expected),
             lambda: f"wanted {sorted(expected)}\ngot {_notes(world, mark)}\n{world.mta.log()[mark:]}")


DOMAIN = 'smtpd: relay_domains=$mydestination to accept mail for domain "sub.home.example"'
ADDRESS = 'smtpd: relay_domains=$mydestination to accept mail for address "x@sub.home.example"'
NETWORK = 'smtpd: mynetworks_style=subnet to permit request from client "unknown[192.0.2.254]"'
HELLO = ("EHLO out.example.net", "MAIL FROM:<a@example.net>")


def _order(recipient, client="out.example.net[198.51.100.10]"):
    return (f'smtpd: smtpd_relay_before_recipient_restrictions=no to reject recipient "{recipient}" '
            f'from client "{client}"')


def scenario_chroot(world):
    """Named by file and line when master reads them; once more at a reload."""
    mark = _set(world, 0)
    line = len(world.mx.read("/etc/postfix/master.cf").splitlines())
    text = rf"postfix/master\[\d+\]: /etc/postfix/master\.cf: line {line}: {OLD}chroot=y$"
    world.mta.wait_log(text, after=mark)
    world.mta.wait_log(text, after=_set(world, 0))
    mark = _set(world, 1)
    assert "chroot=y" not in world.mta.log()[mark:]


def scenario_relay_domains(world):
    for level in (0, 1):
        _set(world, level)
        mark = len(world.mta.log())
        _talk(world, *HELLO, "RCPT TO:<x@sub.home.example>", "RCPT TO:<foo@home.example>")
        _expect(world, mark, DOMAIN, ADDRESS)
        mark = len(world.mta.log())
        assert _talk(world, HELLO[0], "ETRN sub.home.example")[-1] == "250 Queuing started"
        _expect(world, mark, 'smtpd: relay_domains=$mydestination to flush mail for domain "sub.home.example"')
    _set(world, 1, more="relay_domains = $mydestination\n")
    mark = len(world.mta.log())
    assert _talk(world, *HELLO, "RCPT TO:<x@sub.home.example>")[-1] == "250 2.1.5 Ok"
    _expect(world, mark)


def scenario_fast_flush(world):
    _set(world, 0)
    mark = len(world.mta.log())
    client = world.client(source=FRIEND)
    client.mail("a@example.net", ["x@sub.home.example"], message())
    client.quit()
    wait_for(lambda: any('to update fast-flush logfile for domain "sub.home.example"' in note
                         for note in _notes(world, mark)), lambda: world.mta.log()[mark:])
    world.mx.run("postsuper", "-d", "ALL")


def scenario_mynetworks(world):
    for level in (0, 1):
        _set(world, level)
        mark = len(world.mta.log())
        assert _talk(world, *HELLO, "RCPT TO:<x@other.example>", source=FRIEND)[-1] == "250 2.1.5 Ok"
        _expect(world, mark, NETWORK)
    for level, more in ((2, ""), (1, "mynetworks_style = subnet\n"), (1, "mynetworks = 192.0.2.0/24\n")):
        _set(world, level, more=more)
        mark = len(world.mta.log())
        _talk(world, *HELLO, "RCPT TO:<foo@home.example>", source=FRIEND)
        _expect(world, mark)


def scenario_relay_restrictions(world):
    """The list would have refused, were it not empty."""
    _set(world, 0, "check_client_access static:OK, reject_unauth_destination")
    mark = len(world.mta.log())
    assert _talk(world, *HELLO, "RCPT TO:<x@other.example>", "RCPT TO:<foo@home.example>")[-2:] == ["250 2.1.5 Ok"] * 2
    _expect(world, mark, 'smtpd: "smtpd_relay_restrictions = (empty)" to avoid "Relay access denied" error for recipient '
            '"x@other.example" from client "out.example.net[198.51.100.10]"')
    mark = len(world.mta.log())
    _talk(world, *HELLO, "RCPT TO:<x@other.example>", source=FRIEND)
    _expect(world, mark, NETWORK)
    _set(world, 0, "check_client_access static:OK, reject_unauth_destination", "smtpd_relay_restrictions =\n")
    mark = len(world.mta.log())
    assert _talk(world, *HELLO, "RCPT TO:<x@other.example>")[-1] == "250 2.1.5 Ok"
    _expect(world, mark)


def scenario_order_of_lists(world):
    for level in (0, 2):
        _set(world, level, "check_recipient_access inline:{a@home.example=DEFER_IF_PERMIT}, reject_unauth_destination")
        mark = len(world.mta.log())
        _talk(world, *HELLO, "RCPT TO:<x@other.example>", "RCPT TO:<a@home.example>", "RCPT TO:<foo@home.example>")
        _expect(world, mark, _order("x@other.example"))
        log = world.mta.log()[mark:]
        assert log.index("reject: RCPT from") < log.index("restrictions=no to reject recipient"), log
    for level, more in ((3.6, ""), (2, "smtpd_relay_before_recipient_restrictions = no\n")):
        _set(world, level, more=more)
        mark = len(world.mta.log())
        _talk(world, *HELLO, "RCPT TO:<x@other.example>")
        world.mta.wait_log("reject: RCPT from", after=mark)
        _expect(world, mark)
    # Another list refuses.
    _set(world, 2, more="smtpd_sender_restrictions = reject\n")
    mark = len(world.mta.log())
    _talk(world, *HELLO, "RCPT TO:<foo@home.example>")
    world.mta.wait_log("reject: RCPT from", after=mark)
    _expect(world, mark)


def scenario_addresses_in_utf8(world):
    _set(world, 0)
    mark = len(world.mta.log())
    _talk(world, "EHLO out.example.net", "MAIL FROM:<\u00e9@example.net>", "RCPT TO:<b\u00e9@home.example>")
    client = "from out.example.net[198.51.100.10]"
    _expect(world, mark, f'smtpd: smtputf8_enable=no to accept non-ASCII sender address "??@example.net" {client}',
            f'smtpd: smtputf8_enable=no to accept non-ASCII recipient address "b??@home.example" {client}')
    _set(world, 0, more="smtputf8_enable = no\n")
    mark = len(world.mta.log())
    _talk(world, "EHLO out.example.net", "MAIL FROM:<\u00e9@example.net>")
    _expect(world, mark)


def scenario_incomplete_domains(world):
    _set(world, 0, more="mynetworks = 192.0.2.0/24\nrelay_domains =\n")
    mark = len(world.mta.log())
    _talk(world, *HELLO, "RCPT TO:<foo@bar>", "RCPT TO:<foo@localhost>", source=FRIEND)
    bar = 'trivial-rewrite: append_dot_mydomain=yes to rewrite "bar" to "bar.example.com"'
    _expect(world, mark, bar, 'trivial-rewrite: append_dot_mydomain=yes to rewrite "localhost" to "localhost.example.com"; '
            'please add "localhost" to mydestination or other address class')
    # As it asks for.
    _set(world, 0, more="mynetworks = 192.0.2.0/24\nrelay_domains =\nvirtual_alias_domains = localhost\n")
    mark = len(world.mta.log())
    _talk(world, *HELLO, "RCPT TO:<foo@bar>", "RCPT TO:<foo@localhost>", source=FRIEND)
    wait_for(lambda: bar in _notes(world, mark), lambda: world.mta.log()[mark:])
    assert '"localhost"' not in world.mta.log()[mark:], world.mta.log()[mark:]
    _set(world, 0, more="mynetworks = 192.0.2.0/24\nrelay_domains =\nappend_dot_mydomain = yes\n")
    mark = len(world.mta.log())
    _talk(world, *HELLO, "RCPT TO:<foo@bar>", source=FRIEND)
    _expect(world, mark)


def scenario_fingerprints(world):
    world.mx.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=client",
                 "-keyout", "/tmp/key.pem", "-out", "/tmp/cert.pem")
    note = "smtpd: smtpd_tls_fingerprint_digest=md5 to compute certificate fingerprints"
    for level, more, expected in ((2, "", [note]), (3.6, "", []), (2, "smtpd_tls_fingerprint_digest = md5\n", [])):
        _set(world, level, "permit_tls_clientcerts, reject_unauth_destination", more)
        mark = len(world.mta.log())
        client = world.client()
        client.expect("EHLO out.example.net", "250-")
        client.expect("STARTTLS", "220")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(world.mx.path("/tmp/cert.pem"), world.mx.path("/tmp/key.pem"))
        client.socket = context.wrap_socket(client.socket)
        client.file = client.socket.makefile("rb")
        client.expect("EHLO out.example.net", "250-")
        client.expect("MAIL FROM:<a@example.net>", "250")
        client.command("RCPT TO:<foo@home.example>")
        client.quit()
        world.mta.wait_log(r"disconnect from out\.example\.net", after=mark)
        _expect(world, mark, *expected)
