"""Scenario 2: authenticated submission on port 587 over TLS."""

from lab.smtp import message, wait_for


def scenario_no_auth_before_tls(world):
    client = world.client(587)
    answer = client.expect("EHLO client.example.net", "250-")
    assert "STARTTLS" in answer and "AUTH" not in answer, answer
    client.expect("AUTH PLAIN AGFiYwBkZWY=", "530 5.7.0 Must issue a STARTTLS command first")
    client.expect("MAIL FROM:<foo@example.com>", "530 5.7.0 Must issue a STARTTLS command first")
    client.quit()


def scenario_wrong_password(world):
    client = world.submission()
    answer = client.login("foo@example.com", "wrong")
    assert answer.startswith("535 5.7.8 Error: authentication failed:"), answer
    world.mta.wait_log(r"warning: out\.example\.net\[198\.51\.100\.10\]: SASL PLAIN authentication failed: ")
    client.quit()


def scenario_right_password_relays(world):
    server = world.server()
    client = world.submission("foo@example.com")
    answer = client.mail("foo@example.com", ["friend@externaladdress.com"], message("s1", "foo@example.com", "friend@externaladdress.com"))
    assert answer.startswith("250 2.0.0 Ok: queued as "), answer
    queue_id = answer.rsplit(" ", 1)[1]
    client.quit()
    wait_for(lambda: server.messages, "the relayed message")
    received = server.messages[0]
    assert received.recipients == ["friend@externaladdress.com"]
    assert "with ESMTPSA id " + queue_id in received.content, received.content
    world.mta.wait_log(
        rf"postfix/submission/smtpd\[\d+\]: {queue_id}: client=out\.example\.net\[198\.51\.100\.10\], sasl_method=PLAIN, sasl_username=foo@example\.com$")


def scenario_login_mismatch(world):
    # An identity that belongs to somebody else, in each direction.
    for user, sender in (("foo@example.com", "yrt127@example.com"), ("yrt127@example.com", "foo@example.com")):
        client = world.submission(user)
        client.expect(f"MAIL FROM:<{sender}>", "250")
        client.expect("RCPT TO:<friend@externaladdress.com>",
                      f"553 5.7.1 <{sender}>: Sender address rejected: not owned by user {user}")
        client.quit()
    client = world.submission()
    client.expect("MAIL FROM:<foo@example.com>", "250")
    client.expect("RCPT TO:<friend@externaladdress.com>", "554 5.7.1 <out.example.net[198.51.100.10]>: Client host rejected: Access denied")
    client.quit()


def scenario_catch_all_identity(world):
    server = world.server()
    client = world.submission("yrt127@example.com")
    answer = client.mail("anything@example.com", ["friend@externaladdress.com"], message("s2"))
    assert answer.startswith("250 "), answer
    wait_for(lambda: server.messages, "the message")
    assert server.messages[0].sender == "anything@example.com"
    client.quit()


def scenario_port_25_offers_no_auth(world):
    client = world.greeted()
    answer = client.command("EHLO out.example.net")
    assert "AUTH" not in answer, answer
    client.starttls()
    answer = client.command("EHLO out.example.net")
    assert "AUTH" not in answer and "STARTTLS" not in answer, answer
    client.expect("AUTH PLAIN AGFiYwBkZWY=", "503 5.5.1 Error: authentication not enabled")
    client.quit()


def scenario_port_25_relays_for_nobody(world):
    client = world.greeted()
    client.expect("MAIL FROM:<foo@example.com>", "250")
    client.expect("RCPT TO:<friend@externaladdress.com>", "554 5.7.1 <friend@externaladdress.com>: Relay access denied")
    client.quit()


def scenario_pipelined_plaintext_after_starttls(world):
    """What arrives in plaintext behind STARTTLS is not executed."""
    client = world.client(587)
    client.expect("EHLO client.example.net", "250-")
    client.send("STARTTLS\r\nMAIL FROM:<injected@example.net>\r\n")
    answer = client.reply()
    assert answer.startswith(("220 ", "503 ", "554 ", "")), answer
    client.close()
