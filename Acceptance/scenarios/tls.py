"""TLS of the SMTP server: certificates by the name that the client asks for, resumed sessions."""

import os
import re

from lab import peers


def _mutate(name, text):
    if name == "main.cf":
        text = text.replace("smtpd_client_connection_rate_limit = 30", "smtpd_client_connection_rate_limit = 0")
        text += ("smtpd_tls_loglevel = 1\ntls_server_sni_maps = hash:/etc/postfix/sni\n"
                 "smtp_tls_security_level = may\nsmtp_tls_loglevel = 1\n")
    if name == "master.cf":
        text += ("2501 inet n - y - - smtpd\n    -o tls_session_ticket_cipher=\n"
                 "2502 inet n - y - - smtpd\n    -o tls_server_sni_maps=\n"
                 + "".join(f"{port} inet n - y - - smtpd\n    -o smtpd_tls_dh1024_param_file=/etc/postfix/{file}.pem\n"
                           for port, file in ((2503, "dh"), (2504, "nosuch"), (2505, "rubbish"))))
    return text


WORLD = {"spamd": False, "dovecot": False, "mutate": _mutate}
START = False


def _prepare(world):
    host = world.mx
    for name in ("one", "wild"):
        file = f"/etc/postfix/{name}.pem"
        host.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}.example",
                 "-keyout", file, "-out", f"/etc/postfix/{name}.crt")
        host.run("sh", "-c", f"cat /etc/postfix/{name}.crt >> {file}")
        os.chmod(host.path(file), 0o600)
    host.run("openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe3072", "-out", "/etc/postfix/dh.pem")
    host.write("/etc/postfix/rubbish.pem", "-----BEGIN DH PARAMETERS-----\nrubbish\n-----END DH PARAMETERS-----\n")
    host.write("/etc/postfix/sni", "one.example /etc/postfix/one.pem\n.wild.example /etc/postfix/wild.pem\n")
    host.run("postmap", "-F", "hash:/etc/postfix/sni")
    assert "BEGIN PRIVATE KEY" in host.run("postmap", "-F", "-q", "one.example", "hash:/etc/postfix/sni").stdout
    world.mta.start()


def _handshake(world, *options, port=25):
    """What openssl s_client says of a session; it sends a command, so that tickets arrive."""
    return world.outside.run(
        "openssl", "s_client", "-starttls", "smtp", "-connect", f"{peers.MX}:{port}", "-bind", peers.OUTSIDE, "-crlf", "-ign_eof",
        *options, input="noop\nquit\n",
        check=False).stdout


def scenario_certificate_by_name(world):
    """tls_server_sni_maps: exact names, parents with a dot, and the server's own certificate for everybody else."""
    _prepare(world)
    for name, subject, logged in (
            ("one.example", "one.example", r" to one\.example: TLS"), ("ONE.example", "one.example", r" to ONE\.example: TLS"),
            ("a.b.wild.example", "wild.example", r" to a\.b\.wild\.example: TLS"),
            ("wild.example", "smtp.example.com", r"TLS SNI wild\.example from out\.example\.net\[198\.51\.100\.10\] not matched, using default chain"),
            ("two.example", "smtp.example.com", r"connection established from out\.example\.net\[198\.51\.100\.10\]: TLS")):
        after = len(world.mta.log())
        text = _handshake(world, "-servername", name)
        assert re.search(rf"subject=CN ?= ?{subject}\n", text), f"{name}: {text[:1500]}"
        world.mta.wait_log(logged, after=after)
    after = len(world.mta.log())
    assert "CN = smtp.example.com" in _handshake(world, "-noservername")
    world.mta.wait_log(r"disconnect from", after=after)
    assert "SNI" not in world.mta.log()[after:]
    # Without tables nobody looks at names.
    after = len(world.mta.log())
    assert "CN = smtp.example.com" in _handshake(world, "-servername", "one.example", port=2502)
    world.mta.wait_log(r"connection established from out\.example\.net\[198\.51\.100\.10\]: TLS", after=after)
    assert "SNI" not in world.mta.log()[after:]


def scenario_resumed_sessions(world):
    """Tickets are good for other processes and after a reload; not without tls_session_ticket_cipher."""
    for version in ("-tls1_2", "-tls1_3"):
        file = os.path.join(world.directory, f"session{version}")
        assert "New, " in _handshake(world, version, "-sess_out", file)
        assert "Reused, " in _handshake(world, version, "-sess_in", file), version
        world.mta.reload()
        world.mta.wait_port(25)
        if world.mta.kind == "apus":
            assert "Reused, " in _handshake(world, version, "-sess_in", file), f"{version}, after a reload"
    file = os.path.join(world.directory, "stateful")
    # No ticket, but the session cache knows the session by its id.
    assert "New, " in _handshake(world, "-tls1_2", "-sess_out", file, port=2501)
    assert "Reused, " in _handshake(world, "-tls1_2", "-sess_in", file, port=2501)


def scenario_damaged_chain(world):
    """A name with a broken chain gets the server's own certificate, and a line in the log."""
    world.mx.write("/etc/postfix/one.pem", "no keys here\n")
    world.mx.run("postmap", "-F", "hash:/etc/postfix/sni")
    world.mta.reload()
    world.mta.wait_port(25)
    after = len(world.mta.log())
    _handshake(world, "-servername", "one.example")
    world.mta.wait_log(r"No PEM data in SNI data for one\.example", after=after)


def scenario_parameters_of_the_key_exchange(world):
    """smtpd_tls_dh1024_param_file is used, behind a chroot and for each name; without it, or a good one, OpenSSL chooses."""
    options = ["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"]
    for port, bits in ((25, 2048), (2503, 3072), (2504, 2048), (2505, 2048)):
        assert f"Server Temp Key: DH, {bits} bits" in _handshake(world, *options, port=port), port
    text = _handshake(world, *options, "-servername", "a.wild.example", port=2503)
    assert "Server Temp Key: DH, 3072 bits" in text and re.search(r"subject=CN ?= ?wild\.example\n", text), text[:1500]
    for text in (r'error opening DH parameter file "/etc/postfix/nosuch\.pem": No such file or directory -- using compiled-in defaults',
                 r'error decoding DH parameters from file "/etc/postfix/rubbish\.pem" -- using compiled-in defaults',
                 r"TLS library problem: error:1E08010C:DECODER routines::unsupported:"):
        world.mta.wait_log(rf"postfix/smtpd\[\d+\]: warning: {text}")
