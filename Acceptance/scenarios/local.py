"""Mail from and to the users of the machine itself: sendmail and its modes, local delivery, comsat."""

import re
import socket

from lab.smtp import wait_for


def _mutate(name, text):
    if name == "main.cf":
        text = text.replace("virtual_transport = spamass-dovecot", "virtual_transport = virtual")
        text = text.replace("biff = no", "biff = yes") + "\ndefer_transports = smtp\n"
    return text


WORLD = {"dovecot": False, "spamd": False, "mutate": _mutate}


def _user(world, name="tester"):
    if world.mx.run("id", name, check=False).returncode != 0:
        world.mx.run("useradd", "-m", "-c", "Test Person,room", name)
    return f"{name}:{name}"


def _mailbox(world, name="tester"):
    try:
        return world.mx.read(f"/var/mail/{name}")
    except FileNotFoundError:
        return ""


def _wait_mail(world, subject, name="tester"):
    return wait_for(lambda: (text := _mailbox(world, name)) and f"\nSubject: {subject}\n" in text and text,
                    lambda: f"a message {subject!r}; the log:\n{world.mta.log()[-3000:]}")


SESSION = ("EHLO me\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<tester@smtp.example.com>\r\nDATA\r\n"
           "Subject: {}\r\n\r\nbody\r\n.\r\nETRN example.com\r\nSTARTTLS\r\nXCLIENT ADDR=1.2.3.4\r\nHELP\r\nQUIT\r\n")


def _stand_alone(world, subject, user=None):
    done = world.mx.run("sendmail", "-bs", input=SESSION.format(subject), user=user)
    lines = done.stdout.replace("\r", "").splitlines()
    assert lines[:10] == ["220 smtp.example.com ESMTP Postfix (Debian/GNU)", "250-smtp.example.com", "250-PIPELINING",
                          "250-SIZE 10485760", "250-VRFY", "250-ETRN", "250-ENHANCEDSTATUSCODES", "250-8BITMIME",
                          "250-DSN", "250-SMTPUTF8"], lines
    assert lines[10:14] == ["250 CHUNKING", "250 2.1.0 Ok", "250 2.1.5 Ok", "354 End data with <CR><LF>.<CR><LF>"], lines
    assert lines[15:] == ["458 Unable to queue messages", "502 5.5.1 Error: command not implemented",
                          "550 5.7.0 Error: insufficient authorization", "500 5.5.2 Error: command not recognized",
                          "221 2.0.0 Bye"], lines
    return lines[14].removeprefix("250 2.0.0 Ok: queued as ")


def scenario_stand_alone_server(world):
    """`sendmail -bs`: the user's own rights, two Received: headers, the same log lines."""
    for subject, user, uid in (("bs1", None, 0), ("bs2", _user(world), None)):
        uid = uid if uid is not None else int(world.mx.run("id", "-u", "tester").stdout)
        mark = len(world.mta.log())
        dropped = _stand_alone(world, subject, user)
        text = _wait_mail(world, subject)
        text = text[text.rindex("\nFrom a@b.example"):] if "\nFrom a@b.example" in text else text
        queued = world.mta.wait_log(rf"postfix/pickup\[\d+\]: ([0-9A-Za-z]+): uid={uid} from=<a@b\.example>$", after=mark).group(1)
        assert re.search(
            rf"\nReceived: by smtp\.example\.com \(Postfix, from userid {uid}\)\n\tid {queued}; .*\n"
            rf"Received: from me \(localhost \[127\.0\.0\.1\]\)\n\tby smtp\.example\.com \(Postfix\) with ESMTP id {dropped}\n"
            r"\tfor <tester@smtp\.example\.com>; ", text), text
        world.mta.wait_log(rf"postfix/smtpd\[\d+\]: {dropped}: client=localhost\[127\.0\.0\.1\]$", after=mark)
        world.mta.wait_log(r'postfix/smtpd\[\d+\]: warning: do not use ETRN in "sendmail -bs" mode$', after=mark)
        world.mta.wait_log(
            r"postfix/smtpd\[\d+\]: disconnect from localhost\[127\.0\.0\.1\] ehlo=1 xclient=0/1 starttls=0/1 mail=1 rcpt=1 "
            r"data=1 etrn=0/1 quit=1 unknown=0/1 commands=5/9$", after=mark)


def scenario_stand_alone_server_while_the_system_is_down(world):
    user = _user(world)
    world.mta.stop()
    try:
        dropped = _stand_alone(world, "bs3", user)
        listed = world.mx.run("postcat", "-q", dropped, check=False).stdout
        assert "named_attribute: encoding=8bit" in listed and "dsn_orig_rcpt=rfc822;tester@smtp.example.com" in listed, listed
    finally:
        world.mta.start()
    _wait_mail(world, "bs3")


def scenario_stand_alone_server_of_the_mail_owner(world):
    """The mail system's own user gets the server's access control."""
    done = world.mx.run(
        "sendmail", "-bs", user="postfix:postfix",
        input="HELO smtp.example.com\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<nobody-here@smtp.example.com>\r\nQUIT\r\n")
    assert "550 5.1.1 <nobody-here@smtp.example.com>: Recipient address rejected: User unknown in local recipient table" in done.stdout, done.stdout


def scenario_comsat_hears_of_new_mail(world):
    """biff: `user@offset` goes to UDP port 512 of the loopback interface, offset being that of the message."""
    _user(world)

    def bind():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 512))
        listener.settimeout(30)
        return listener
    listener = world.mx.inside(bind)
    try:
        for subject in ("biff1", "biff2"):
            offset = len(_mailbox(world).encode())
            world.mx.run("sendmail", "tester@smtp.example.com", input=f"Subject: {subject}\n\nx\n")
            assert listener.recv(100) == f"tester@{offset}\0".encode()
            _wait_mail(world, subject)
    finally:
        listener.close()


def scenario_recipients_of_the_header(world):
    """`sendmail -t`: recipients stand in the extracted segment; quoted local parts are recorded without quotes."""
    user = _user(world)
    world.mx.run("sendmail", "-t", "-oi", '"c d"@hold.example.net', user=user,
                 input='To: "a b"@hold.example.net\nBcc: tester@smtp.example.com\nSubject: t1\n\n.\nx\n')
    text = _wait_mail(world, "t1")
    assert "\nBcc:" not in text and "\n.\nx\n" in text, text
    queue_id = wait_for(lambda: [m["queue_id"] for m in world.mta.queue() if m["queue_name"] == "deferred"], "the rest")[0]
    listed = world.mx.run("postcat", "-eq", queue_id).stdout
    envelope, extracted = listed.split("*** HEADER EXTRACTED")
    assert "original_recipient: c d@hold.example.net\nrecipient: c d@hold.example.net\n" in envelope, listed
    assert "named_attribute: dsn_orig_rcpt=rfc822;c d@hold.example.net\n" in envelope, listed
    assert "dsn_orig_rcpt=rfc822;a b@hold.example.net\noriginal_recipient: a b@hold.example.net\nrecipient: a b@hold.example.net" in extracted, listed
    world.mx.run("postsuper", "-d", queue_id)
