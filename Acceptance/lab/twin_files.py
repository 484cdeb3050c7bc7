"""The configuration of the scenarios that run Apus and Debian's Postfix side by side."""

MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
mydomain = example.com
myorigin = smtp.example.com
mydestination = $myhostname, localhost, home.example
mynetworks = 127.0.0.0/8
recipient_delimiter = +
inet_protocols = ipv4
smtputf8_enable = yes
biff = no
alias_maps = hash:/etc/aliases
local_recipient_maps = proxy:unix:passwd.byname $alias_maps
relay_domains = relay.example
relay_recipient_maps = inline:{known@relay.example=x}
relay_transport = discard:relayed
virtual_alias_domains = alias.example
virtual_alias_maps = inline:{ {one@alias.example=someone@home.example} {two@alias.example=someone@home.example,known@relay.example} {loop@alias.example=loop@alias.example} {away@alias.example=friend@externaladdress.com} }
virtual_mailbox_domains = vmail.example
virtual_mailbox_maps = inline:{ {box@vmail.example=box} {dir@vmail.example=dir/} }
virtual_mailbox_base = /var/vmail
virtual_uid_maps = static:150
virtual_gid_maps = static:8
virtual_minimum_uid = 100
transport_maps = texthash:/etc/postfix/transport
smtpd_tls_cert_file = /etc/letsencrypt/live/example.com/fullchain.pem
smtpd_tls_key_file = /etc/letsencrypt/live/example.com/privkey.pem
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sender_login_maps = inline:{ {foo@example.com=foo@example.com} {other@example.com=user42@foobar.com} }
smtpd_forbid_bare_newline = normalize
smtpd_forbid_unauth_pipelining = yes
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
message_size_limit = 20000
smtpd_error_sleep_time = 0
header_size_limit = 2000
minimal_backoff_time = 1000s
maximal_backoff_time = 1000s
queue_run_delay = 1000s
bounce_size_limit = 3000
notify_classes = resource, software
smtp_address_preference = ipv4
smtp_connect_timeout = 2s
smtp_helo_timeout = 2s
smtp_data_done_timeout = 3s
default_destination_concurrency_failed_cohort_limit = 1000
enable_long_queue_ids = no
maildrop_destination_recipient_limit = 1
"""

SERVICES = {
    2501: "smtpd_sasl_auth_enable=yes smtpd_tls_security_level=none smtpd_sender_restrictions=reject_sender_login_mismatch",
    2502: "smtpd_timeout=1s smtpd_sasl_auth_enable=yes",
    2503: "smtpd_error_sleep_time=0 smtpd_soft_error_limit=2 smtpd_hard_error_limit=4 smtpd_junk_command_limit=3",
    2504: "smtpd_tls_wrappermode=yes",
    2505: "smtpd_tls_security_level=encrypt smtpd_sasl_auth_enable=yes smtpd_tls_auth_only=yes",
    2506: "{smtpd_client_restrictions=reject_unknown_client_hostname}",
    2507: "{smtpd_helo_restrictions=reject_invalid_helo_hostname,reject_non_fqdn_helo_hostname,reject_unknown_helo_hostname} smtpd_helo_required=yes",
    2508: "{smtpd_sender_restrictions=reject_non_fqdn_sender,reject_unknown_sender_domain,reject_unlisted_sender}",
    2509: "smtpd_relay_restrictions=permit {smtpd_recipient_restrictions=reject_non_fqdn_recipient,reject_unknown_recipient_domain,reject_unauth_destination}",
    2510: "smtpd_delay_reject=no {smtpd_client_restrictions=check_client_access inline:{{198.51.100.66=REJECT go away}}} "
          "{smtpd_helo_restrictions=check_helo_access inline:{{bad.example.net=554 5.7.9 bad helo}}} "
          "{smtpd_sender_restrictions=check_sender_access texthash:/etc/postfix/actions}",
    2511: "{smtpd_recipient_restrictions=check_recipient_access texthash:/etc/postfix/actions,reject_unauth_destination}",
    2512: "{smtpd_data_restrictions=check_sender_access texthash:/etc/postfix/actions,reject_multi_recipient_bounce}",
    2513: "{smtpd_end_of_data_restrictions=check_sender_access texthash:/etc/postfix/actions}",
    2514: "{smtpd_relay_restrictions=permit_mynetworks,permit_sasl_authenticated,defer_unauth_destination}",
    2515: "{smtpd_recipient_restrictions=reject_rbl_client sbl.spamhaus.org,reject_rhsbl_sender rhsbl.example,reject_unauth_destination}",
    2516: "{smtpd_client_restrictions=permit_mynetworks,reject} {smtpd_etrn_restrictions=permit_mynetworks,reject}",
    2517: "smtpd_recipient_limit=2 smtpd_recipient_overshoot_limit=2 smtpd_line_length_limit=100",
    2518: "disable_vrfy_command=yes smtpd_discard_ehlo_keywords=chunking,dsn,silent-discard smtpd_banner=hello smtpd_reject_footer=\\\\n.more..$recipient",
    2519: "{smtpd_recipient_restrictions=warn_if_reject,reject_unknown_recipient_domain,reject_unauth_destination}",
    2520: "soft_bounce=yes smtpd_client_port_logging=no",
    2521: "smtpd_forbid_bare_newline=reject smtpd_forbid_unauth_pipelining=no",
    2522: "smtpd_reject_unlisted_recipient=no smtpd_reject_unlisted_sender=yes strict_rfc821_envelopes=yes",
    2523: "smtpd_sasl_auth_enable=yes smtpd_sasl_security_options=noplaintext,noanonymous smtpd_tls_security_level=none",
    2524: "{smtpd_sender_restrictions=check_sender_access hash:/etc/postfix/missing}",
    2525: "{smtpd_recipient_restrictions=check_recipient_access texthash:/etc/postfix/actions,defer_if_permit,reject_unauth_destination}",
    2526: "smtpd_sasl_auth_enable=yes smtpd_tls_security_level=none smtpd_relay_restrictions=permit_sasl_authenticated,reject smtpd_sasl_authenticated_header=yes",
    2527: "smtpd_per_record_deadline=yes smtpd_peername_lookup=no smtpd_delay_open_until_valid_rcpt=no",
    2528: "{smtpd_restriction_classes=strict,lax} {strict=reject_unknown_sender_domain,reject} {lax=permit} "
          "{smtpd_recipient_restrictions=reject_unauth_destination,check_recipient_access inline:{{strict@home.example=strict} {lax@home.example=lax}}}",
}

ACTIONS = """
reject@home.example     REJECT
rejectt@home.example    REJECT no thanks
defer@home.example      DEFER
deferp@home.example     DEFER_IF_PERMIT later perhaps
deferr@home.example     DEFER_IF_REJECT later perhaps
code@home.example       571 5.2.3 special code
code4@home.example      471 try again
hold@home.example       HOLD look at this
discard@home.example    DISCARD into the void
filter@home.example     FILTER discard:filtered
redirect@home.example   REDIRECT someone@home.example
prepend@home.example    PREPEND X-Seen: yes
warn@home.example       WARN look here
info@home.example       INFO note this
bcc@home.example        BCC known@relay.example
ok@home.example         OK
dunno@home.example      DUNNO
digits@home.example     12345
bad@home.example        NO_SUCH_ACTION
hangup@home.example     421 4.7.7 bye
permit@home.example     permit
r@sender.example        REJECT bad sender
d@sender.example        DISCARD
h@sender.example        HOLD
f@sender.example        450 4.9.9 later
c@sender.example        521 5.5.5 closed
p@sender.example        PREPEND X-Sender: seen
e@sender.example        HANGUP
"""

TRANSPORT = """
externaladdress.com     smtp:
error.example           error:5.7.7 not here
retry.example           retry:4.7.7 not now
discard.example         discard:gone
nowhere.example         nosuchtransport:
dead.example            smtp:[198.51.100.77]
refused.example         smtp:[198.51.100.10]:9
unix.example            lmtp:unix:/no/such/socket
pipe.example            tester:
fail.example            failing:
busy.example            busy:
killed.example          killed:
slow.example            slow:
missing.example         missing:
"""

AGENTS = """
tester    unix - n n - - pipe flags=DRhuFqX. user=nobody argv=/usr/bin/tee /tmp/out/pipe
failing   unix - n n - - pipe user=nobody argv=/bin/sh -c { echo "5.2.1 the disk is full"; exit 69 }
busy      unix - n n - - pipe user=nobody argv=/bin/sh -c { echo busy now; exit 75 }
killed    unix - n n - - pipe user=nobody argv=/bin/sh -c { kill -9 $$$ }
slow      unix - n n - - pipe user=nobody argv=/bin/sleep 100
    -o slow_time_limit=1
missing   unix - n n - - pipe user=nobody argv=/no/such/program
"""


def _overrides(text):
    """`a=b {c=d e}` as `-o` options."""
    found, depth, word = [], 0, ""
    for character in text + " ":
        depth += (character == "{") - (character == "}")
        if character == " " and depth == 0:
            if word:
                found.append(word)
            word = ""
        else:
            word += character
    return "".join(f"    -o {word}\n" for word in found)


def mutate(name, text):
    """Puts these files in the place of the article's."""
    if name == "main.cf":
        return MAIN
    if name != "master.cf":
        return text
    services = "".join(f"{port} inet n - n - - smtpd\n{_overrides(options)}" for port, options in SERVICES.items())
    return text + services + AGENTS


WORLD = {"spamd": False, "domains": False, "mutate": mutate}


def prepare(side):
    """Users, tables and directories."""
    host = side.mx
    for name in ("someone", "other"):
        host.run("useradd", "-m", "-c", "Some One", name)
    host.write("/etc/postfix/actions", ACTIONS)
    host.write("/etc/postfix/transport", TRANSPORT)
    host.write("/etc/aliases", "postmaster: root\nroot: someone\nlist: someone, other\n")
    host.run("postalias", "/etc/aliases")
    host.run("install", "-d", "-m", "1777", "/tmp/out")
