"""The real programs beside the mail server: DNS, Dovecot, SpamAssassin."""

import os
import socket
import time

from lab.smtp import wait_for

MX, OUTSIDE, OUTSIDE_MX, DNS, NAMELESS, SILENT, RBL_LISTED = (
    "192.0.2.1", "198.51.100.10", "198.51.100.25", "198.51.100.53", "198.51.100.66", "198.51.100.77", "198.51.100.99")

# Every name of the laboratory's world. A record here without `in-addr` gets its PTR from `REVERSE`.
ZONES = {
    "example.com": [
        "example.com. MX 10 smtp.example.com.", f"smtp.example.com. A {MX}", f"psvserver.example.com. A {MX}"],
    "foobar.com": ["foobar.com. MX 10 smtp.example.com."],
    "externaladdress.com": ["externaladdress.com. MX 10 mx.externaladdress.com.", f"mx.externaladdress.com. A {OUTSIDE_MX}"],
    "example.net": [
        f"out.example.net. A {OUTSIDE}", f"listed.example.net. A {RBL_LISTED}", f"client.example.net. A {OUTSIDE}",
        "example.net. MX 10 out.example.net."],
    "nomail.example": ["nomail.example. MX 0 ."],
    "unreachable.example": ["unreachable.example. MX 10 mx.unreachable.example.", f"mx.unreachable.example. A {SILENT}"],
    "two.example": [
        "two.example. MX 10 dead.two.example.", "two.example. MX 20 mx.externaladdress.com.", f"dead.two.example. A {SILENT}"],
    "loop.example": ["loop.example. MX 10 smtp.example.com."],
    "spamhaus.org": ["99.100.51.198.sbl.spamhaus.org. A 127.0.0.2", '99.100.51.198.sbl.spamhaus.org. TXT "listed in the laboratory"'],
}
REVERSE = {
    MX: "smtp.example.com", OUTSIDE: "out.example.net", OUTSIDE_MX: "mx.externaladdress.com",
    RBL_LISTED: "listed.example.net",
}


def start_dns(host, address, directory):
    """unbound with the laboratory's zones; names outside them do not exist; `servfail.example` cannot be resolved."""
    lines = ["server:", f"  interface: {address}", "  access-control: 0.0.0.0/0 allow", "  do-daemonize: no",
             "  chroot: \"\"", "  username: \"\"", f"  directory: \"{directory}\"", "  pidfile: \"\"", "  use-syslog: no",
             "  module-config: \"iterator\"", "  local-zone: \".\" static", "  do-not-query-localhost: no",
             "  local-zone: \"servfail.example.\" transparent"]
    for zone, records in ZONES.items():
        lines.append(f"  local-zone: \"{zone}.\" static")
        lines += [f"  local-data: '{record}'" for record in records]
    lines += [f"  local-data-ptr: \"{ip} {name}\"" for ip, name in REVERSE.items()]
    lines += ["forward-zone:", "  name: \"servfail.example.\"", "  forward-addr: 127.0.0.1@9"]
    path = os.path.join(directory, "unbound.conf")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    host.start("unbound", "-d", "-c", path, log=os.path.join(directory, "unbound.log"))

    def answers():
        def ask():
            query = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            query.settimeout(0.3)
            query.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\4smtp\7example\3com\0\0\1\0\1", (address, 53))
            try:
                return len(query.recv(512)) > 0
            except OSError:
                return False
        return host.inside(ask)
    wait_for(answers, "unbound")


USERS = {"user42@foobar.com": "pass42", "yrt127@example.com": "pass127", "foo@example.com": "passfoo"}

DOVECOT = """
protocols = lmtp
base_dir = /run/dovecot
ssl = no
mail_location = maildir:~/mail
mail_privileged_group = mail
first_valid_uid = 100
first_valid_gid = 1
recipient_delimiter = +
lda_mailbox_autocreate = yes
postmaster_address = postmaster@example.com
hostname = smtp.example.com
auth_mechanisms = plain login
auth_failure_delay = 0
auth_username_chars = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@+
disable_plaintext_auth = no
passdb {
  driver = passwd-file
  args = scheme=plain username_format=%u /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=150 gid=8 home=/var/vmail/%d/%n allow_all_users=yes
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
  unix_listener auth-userdb {
    mode = 0600
    user = vmail
  }
}
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
"""


def start_dovecot(host):
    host.write("/etc/dovecot/dovecot.conf", DOVECOT)
    host.write("/etc/dovecot/users", "".join(f"{user}:{{plain}}{word}::::::\n" for user, word in USERS.items()))
    host.start("dovecot", "-F", log=host.directory + "/dovecot.out")
    wait_for(lambda: os.path.exists(host.path("/run/dovecot/auth-userdb")), "Dovecot")


def start_spamd(host):
    """spamd without network tests, as root, for any user name."""
    host.start("/usr/sbin/spamd", "--local", "--nouser-config", "--max-children=2", "--min-children=1",
               "--syslog=/var/log/spamd.log", log=host.directory + "/spamd.out")

    def answers():
        try:
            host.connect("127.0.0.1", 783, timeout=1).close()
            return True
        except OSError:
            return False
    wait_for(answers, "spamd", 90)
    time.sleep(0.2)
