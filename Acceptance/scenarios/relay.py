"""What the SMTP client makes of a message for servers that offer less, or more, than usual; XFORWARD and XCLIENT."""

import re

from lab.smtp import Client, message, wait_for


def _mutate(name, text):
    if name == "main.cf":
        text = text.replace("virtual_transport = spamass-dovecot", "virtual_transport = virtual")
        text += ("\nsmtp_send_xforward_command = yes\nsmtpd_authorized_xforward_hosts = 127.0.0.1\n"
                 "smtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_recipient_restrictions =\nsmtpd_helo_restrictions =\n")
    return text


WORLD = {"dovecot": False, "spamd": False, "mutate": _mutate}
FRIEND = "friend@externaladdress.com"


def _greeted(world):
    client = Client(world.mx, "127.0.0.1")
    client.expect("EHLO inside.example", "250-smtp.example.com")
    return client


def scenario_eight_bit_becomes_quoted_printable(world):
    server = world.server(lambda stage, _: "250-mx\n250 SIZE" if stage == "EHLO" else None)
    client = _greeted(world)
    body = "Gr\u00fc\u00dfe = \n" + "x" * 80 + "\n.dot\n"
    assert client.mail("foo@example.com", [FRIEND], message("qp1", body=body)).startswith("250 ")
    wait_for(lambda: server.messages, "the message")
    text = server.messages[0].content
    head, body = text.split("\r\n\r\n", 1)
    assert head.endswith("\r\nContent-Transfer-Encoding: quoted-printable") and "8bit" not in head, head
    assert body == "Gr=C3=BC=C3=9Fe =3D=20\r\n" + "x" * 73 + "=\r\n" + "x" * 7 + "\r\n.dot\r\n", body
    client.quit()


def scenario_smtputf8_is_not_downgraded(world):
    world.server(lambda stage, _: "250-mx\n250 8BITMIME" if stage == "EHLO" else None)
    client = _greeted(world)
    client.expect("MAIL FROM:<f\u00fc@example.net> SMTPUTF8 BODY=8BITMIME", "250")
    client.expect(f"RCPT TO:<{FRIEND}>", "250")
    answer = client.content(message("u1"))
    queue_id = answer.rsplit(" ", 1)[1]
    world.mta.wait_log(
        rf"{queue_id}: to=<friend@externaladdress\.com>, relay=mx\.externaladdress\.com\[198\.51\.100\.25\]:25, .*, dsn=5\.6\.7, "
        r"status=bounced \(SMTPUTF8 is required, but was not offered by host mx\.externaladdress\.com\[198\.51\.100\.25\]\)$")
    client.quit()


def scenario_content_filter_hears_of_the_client(world):
    """XFORWARD in, XFORWARD out."""
    heard = []

    def script(stage, argument):
        if stage == "XFORWARD":
            heard.append(argument)
        return "250-mx\n250-PIPELINING\n250 XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT" if stage == "EHLO" else None
    server = world.server(script)
    client = _greeted(world)
    client.expect("XFORWARD NAME=far.example ADDR=192.0.2.77 PORT=4711", "250 2.0.0 Ok")
    client.expect("XFORWARD PROTO=ESMTP HELO=hello+2Bworld IDENT=ABC123 SOURCE=REMOTE", "250 2.0.0 Ok")
    queue_id = client.mail("foo@example.com", [FRIEND], message("x1")).rsplit(" ", 1)[1]
    world.mta.wait_log(
        rf"{queue_id}: client=localhost\[127\.0\.0\.1\], orig_queue_id=ABC123, orig_client=far\.example\[192\.0\.2\.77\]$")
    wait_for(lambda: server.messages, "the message")
    assert heard == ["XFORWARD NAME=far.example ADDR=192.0.2.77 PORT=4711",
                     "XFORWARD PROTO=ESMTP HELO=hello+2Bworld IDENT=ABC123 SOURCE=REMOTE"], heard
    # The next message is the client's own.
    heard.clear()
    queue_id = client.mail("foo@example.com", [FRIEND], message("x2")).rsplit(" ", 1)[1]
    world.mta.wait_log(rf"{queue_id}: client=localhost\[127\.0\.0\.1\]$")
    wait_for(lambda: len(server.messages) == 2, "the second message")
    assert re.fullmatch(r"XFORWARD NAME=localhost ADDR=127\.0\.0\.1 PORT=\d+", heard[0]), heard
    assert heard[1] == f"XFORWARD PROTO=ESMTP HELO=inside.example IDENT={queue_id} SOURCE=LOCAL", heard
    client.quit()


def scenario_filter_that_refuses_xforward(world):
    def script(stage, _):
        return {"EHLO": "250-mx\n250 XFORWARD NAME ADDR IDENT", "XFORWARD": "550 5.7.0 not you"}.get(stage)
    server = world.server(script)
    client = _greeted(world)
    client.mail("foo@example.com", [FRIEND], message("x3"))
    for what in ("name/address", "helo/protocol"):
        world.mta.wait_log(
            r"postfix/smtp\[\d+\]: warning: host mx\.externaladdress\.com\[198\.51\.100\.25\]:25 said: 550 5\.7\.0 not you "
            rf"\(in reply to XFORWARD {what} command\)$")
    wait_for(lambda: server.messages, "the message all the same")
    client.quit()


def scenario_xclient(world):
    """A trusted client speaks for another one: log, access control, Received: header."""
    server = world.server()
    client = _greeted(world)
    client.expect("XCLIENT NAME=far.example ADDR=192.0.2.77 PROTO=ESMTP HELO=it.example", "220 smtp.example.com ESMTP")
    client.expect("MAIL FROM:<someone@example.net>", "250")
    client.expect(f"RCPT TO:<{FRIEND}>", "454 4.7.1 <friend@externaladdress.com>: Relay access denied")
    world.mta.wait_log(
        r"NOQUEUE: reject: RCPT from far\.example\[192\.0\.2\.77\]: 454 4\.7\.1 <friend@externaladdress\.com>: Relay access denied; "
        r"from=<someone@example\.net> to=<friend@externaladdress\.com> proto=ESMTP helo=<it\.example>$")
    client.expect("XCLIENT ADDR=127.0.0.1", "503 5.5.1 Error: MAIL transaction in progress")
    client.expect("RSET", "250")
    client.expect("XCLIENT ADDR=127.0.0.1", "550 5.7.0 Error: insufficient authorization")
    client.quit()
    world.mta.wait_log(
        r"disconnect from far\.example\[192\.0\.2\.77\] ehlo=1 xclient=0/3 mail=1 rcpt=0/1 rset=1 quit=1 commands=4/8$")

    client = _greeted(world)
    client.expect("XCLIENT NAME=near.example LOGIN=joe HELO=it.example PROTO=ESMTP", "220 ")
    queue_id = client.mail("foo@example.com", [FRIEND], message("x4")).rsplit(" ", 1)[1]
    world.mta.wait_log(rf"{queue_id}: client=near\.example\[127\.0\.0\.1\], sasl_method=XCLIENT, sasl_username=joe$")
    wait_for(lambda: server.messages, "the message")
    assert server.messages[0].content.startswith("Received: from it.example (near.example [127.0.0.1])\r\n"), server.messages[0].content
    client.quit()


def scenario_busy_destination(world):
    """Mail that comes fast keeps its connections, although none of it has to wait; a lone message does not."""
    server = world.server(lambda stage, _: None)
    arguments = ["smtp-source", "-4", "-d", "-M", "inside.example", "-s", "2", "-f", "foo@example.com", "-t", FRIEND]
    sent = rf"to=<{FRIEND}>, relay=mx\.externaladdress\.com\[198\.51\.100\.25\]:25, "
    world.mx.run(*arguments, "-m", "1", "127.0.0.1:25")
    world.mta.wait_log(sent + r"delay=.*status=sent")
    world.mx.run(*arguments, "-m", "300", "127.0.0.1:25")
    wait_for(lambda: len(server.messages) == 301, "300 deliveries", seconds=120)
    world.mta.wait_log(sent + r"conn_use=\d+, delay=.*status=sent")
