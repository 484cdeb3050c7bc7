import DNS
import MailSyntax
import MailSystem

/// The world in which a run takes place: domains, hosts, users. The same in all runs.
struct Scene: Sendable {
    /// Tables of type `sim:`.
    let tables: [String: [String: String]] = [
        "alias": [
            "team@alias.example": "ann@relay.example, u1@virtual.example",
            "one@alias.example": "bob@other.example",
            "alias.example": "alias.example",
            "virtual.example": "virtual.example",
        ],
        "mailboxes": [
            "u1@virtual.example": "u1/", "u2@virtual.example": "u2/", "m1@virtual.example": "m1",
            "m2@virtual.example": "m2",
        ],
        "transport": [
            "lmtp.example": "lmtp:inet:[192.0.2.50]:24", "direct.example": "relay:[192.0.2.40]",
            "robot.example": "robot:",
        ],
        "passwords": [user: "{PLAIN}right"],
        "local": [
            "list": "carl@relay.example, dora@other.example, u2@virtual.example", "postmaster": "m2@virtual.example",
            "program": "|/usr/bin/robot", "both": "|/usr/bin/robot, eve@relay.example",
        ],
    ]

    /// Users of the machine, and what is in their .forward file.
    static let users: [(account: UserAccount, forward: String?)] = [
        (account("uwe", 6001), nil),
        (account("fred", 6002), "dora@other.example\n"),
        (account("gina", 6003), "|/usr/bin/robot\n"),
        (account("olga", 6004), "\\olga, hal@lmtp.example\n"),
    ]

    static func account(_ name: String, _ number: UInt32) -> UserAccount {
        UserAccount(name: name, uid: number, gid: number, home: "/mail/home/\(name)", shell: "/bin/sh")
    }

    /// Recipients that become several, one after the other: while one of them has to wait, those before it get their copy
    /// again and again.
    static func isMixed(_ recipient: String) -> Bool {
        recipient == "both@local.example" || recipient == "olga@local.example"
    }

    /// Where mail for an address ends: what a message's recipients become. Nil: it is bounced.
    func destinations(of address: String) -> [String]? {
        switch address {
        case "team@alias.example": ["ann@relay.example", "u1@virtual.example"]
        case "one@alias.example": ["bob@other.example"]
        case "list@local.example": ["carl@relay.example", "dora@other.example", "u2@virtual.example"]
        case "fred@local.example": ["dora@other.example"]
        case "olga@local.example": ["olga@local.example", "hal@lmtp.example"]
        case "both@local.example": ["both@local.example", "eve@relay.example"]
        default:
            address.hasPrefix("bad") || address.hasSuffix("@gone.example") || address.hasSuffix("@null.example")
                ? nil : [address]
        }
    }

    private static let nowhere: IPAddress = {
        guard let address = IPAddress("192.0.2.99") else { fatalError("an address that cannot be read") }
        return address
    }()

    let zone: Zone = {
        func address(_ text: String) -> IPAddress { IPAddress(text) ?? Self.nowhere }
        var zone = Zone()
        zone.add(
            "relay.example", .mx, .mx(preference: 10, host: "mx1.relay.example"),
            .mx(preference: 20, host: "mx2.relay.example"))
        zone.add("mx1.relay.example", .a, .a(address("192.0.2.10")))
        zone.add("mx2.relay.example", .a, .a(address("192.0.2.11")))
        zone.add("other.example", .mx, .mx(preference: 10, host: "mx.other.example"))
        zone.add("mx.other.example", .a, .a(address("192.0.2.20")), .a(address("192.0.2.21")))
        zone.add("plain.example", .a, .a(address("192.0.2.30")))
        zone.add("origin.example", .mx, .mx(preference: 5, host: "mx.origin.example"))
        zone.add("mx.origin.example", .a, .a(address("192.0.2.35")))
        // Whose host never answers.
        zone.add("mute.example", .a, .a(address("192.0.2.98")))
        zone.add("null.example", .mx, .mx(preference: 0, host: ""))
        return zone
    }()

    /// Which hosts take mail for a domain.
    static func servers(of domain: String) -> Set<String> {
        switch domain {
        case "relay.example": ["192.0.2.10:25", "192.0.2.11:25"]
        case "other.example": ["192.0.2.20:25", "192.0.2.21:25"]
        case "plain.example": ["192.0.2.30:25"]
        case "origin.example": ["192.0.2.35:25"]
        case "direct.example": ["192.0.2.40:25"]
        case "lmtp.example": ["192.0.2.50:24"]
        default: []
        }
    }

    static let hosts: Set<String> = [
        "192.0.2.10:25", "192.0.2.11:25", "192.0.2.20:25", "192.0.2.21:25", "192.0.2.30:25", "192.0.2.35:25",
        "192.0.2.40:25", "192.0.2.50:24",
    ]

    /// Recipients that clients write to.
    static let recipients = [
        "ann@relay.example", "bob@other.example", "eve@relay.example", "fay@plain.example", "gil@direct.example",
        "hal@lmtp.example", "ida@lmtp.example", "u1@virtual.example", "u2@virtual.example", "m1@virtual.example",
        "m2@virtual.example", "team@alias.example", "one@alias.example", "list@local.example", "bad1@relay.example",
        "bad2@other.example", "bad@lmtp.example", "nobody@gone.example", "nobody@null.example", "r1@robot.example",
        "r2@robot.example", "program@local.example", "both@local.example", "uwe@local.example", "fred@local.example",
        "gina@local.example", "olga@local.example",
    ]

    /// Several times those that can be told: most mail has such a sender.
    static let senders = [
        "sender@origin.example", "m1@virtual.example", "u1@virtual.example", "sender@origin.example",
        "m1@virtual.example", "u1@virtual.example", "", nowhereSender, refusedSender, muteSender,
    ]
    static let refusedSender = "bad-sender@relay.example"
    static let nowhereSender = "forged@gone.example"
    static let muteSender = "forged@mute.example"

    /// Notifications to a sender end there.
    static func canBeTold(_ sender: String) -> Bool {
        !sender.isEmpty && sender != refusedSender && sender != nowhereSender && sender != muteSender
    }

    /// Who may send mail anywhere, from anywhere, with the password `right`.
    static let user = "someone@sim.example"
    /// RFC 4616
    static func response(_ password: String) -> String { Base64.encode(Array("\0\(user)\0\(password)".utf8)) }
    static let rightResponse = response("right")

    /// Mail for it is taken from everybody.
    static func isOurs(_ domain: String) -> Bool {
        ["alias.example", "virtual.example", "local.example"].contains(domain)
    }

    private static let dovecot = "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n"
    private static let embedded = "smtpd_sasl_type = embedded\nsmtpd_sasl_path = sim:passwords\n"

    /// What differs between runs: who checks passwords, whether there is TLS, and whether what neither recipient nor sender can be told comes to
    /// somebody who can.
    static let settings = [
        dovecot + "2bounce_notice_recipient = \(watcher)\n",
        embedded + "2bounce_notice_recipient = bad-watcher@relay.example\n",
        embedded + tls + "2bounce_notice_recipient = \(watcher)\n",
        dovecot + tls + "2bounce_notice_recipient = \(watcher)\n",
    ]

    static let tls = "smtpd_tls_security_level = may\nsmtp_tls_security_level = may\nlmtp_tls_security_level = may\n"

    /// 2bounce_notice_recipient
    static let watcher = "watcher@origin.example"
    static let doubleBounceSender = "double-bounce@mail.sim.example"

    static let main = """
        myhostname = mail.sim.example
        mydomain = sim.example
        compatibility_level = 3.6
        mydestination = local.example
        myorigin = local.example
        mynetworks = 198.51.100.0/24
        inet_protocols = ipv4
        smtp_randomize_addresses = no
        smtpd_sasl_auth_enable = yes
        smtp_tls_security_level = none
        smtpd_tls_security_level = none
        relay_domains =
        virtual_alias_maps = sim:alias
        virtual_alias_domains = sim:alias_domains, alias.example
        virtual_mailbox_domains = virtual.example
        virtual_mailbox_maps = sim:mailboxes
        virtual_mailbox_base = /mail
        virtual_uid_maps = static:5000
        virtual_gid_maps = static:5000
        virtual_mailbox_lock = dotlock, fcntl
        transport_maps = sim:transport
        alias_maps = sim:local
        mail_spool_directory = /mail/
        command_time_limit = 60s
        robot_time_limit = 60s
        robot_destination_recipient_limit = 2
        local_recipient_maps =
        minimal_backoff_time = 60s
        maximal_backoff_time = 300s
        queue_run_delay = 60s
        maximal_queue_lifetime = 1d
        bounce_queue_lifetime = 1d
        smtp_connect_timeout = 30s
        smtp_helo_timeout = 60s
        smtp_starttls_timeout = 60s
        lmtp_starttls_timeout = 60s
        smtpd_starttls_timeout = 60s
        smtp_tls_CAfile =
        smtp_tls_loglevel = 1
        smtpd_tls_loglevel = 1
        smtp_mail_timeout = 60s
        smtp_rcpt_timeout = 60s
        smtp_data_init_timeout = 60s
        smtp_data_xfer_timeout = 60s
        smtp_data_done_timeout = 120s
        smtpd_timeout = 120s
        in_flow_delay = 1s
        notify_classes = 2bounce
        """

    static let master = """
        smtp      inet  n  -  n  -  -  smtpd
        pickup    unix  n  -  n  60 1  pickup
        cleanup   unix  n  -  n  -  0  cleanup
        qmgr      unix  n  -  n  300 1  qmgr
        bounce    unix  -  -  n  -  0  bounce
        defer     unix  -  -  n  -  0  bounce
        trace     unix  -  -  n  -  0  bounce
        flush     unix  n  -  n  1000? 0 flush
        showq     unix  n  -  n  -  -  showq
        anvil     unix  -  -  n  -  1  anvil
        smtp      unix  -  -  n  -  -  smtp
        relay     unix  -  -  n  -  -  smtp
        lmtp      unix  -  -  n  -  -  lmtp
        error     unix  -  -  n  -  -  error
        retry     unix  -  -  n  -  -  error
        discard   unix  -  -  n  -  -  discard
        local     unix  -  n  n  -  -  local
        virtual   unix  -  n  n  -  -  virtual
        robot     unix  -  n  n  -  -  pipe flags=R user=robot null_sender=<> argv=/usr/bin/robot ${sender} ${recipient}
        """
}
