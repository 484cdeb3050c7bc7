import Testing

@testable import Administration

/// What Debian's `postfix upgrade-configuration` makes of the same files.
struct MasterFileUpgradeTests {
    @Test func addsWhatIsMissing() {
        var upgrade = MasterFileUpgrade("smtp inet n - y - - smtpd\n")
        upgrade.run()
        #expect(
            upgrade.text == """
                smtp inet n - y - - smtpd
                relay\t  unix\t-\t-\tn\t-\t-\tsmtp
                flush     unix  n       -       n       1000?   0       flush
                trace\t  unix\t-\t-\tn\t-\t0\tbounce
                verify\t  unix\t-\t-\tn\t-\t1\tverify
                proxymap  unix\t-\t-\tn\t-\t-\tproxymap
                anvil\t  unix\t-\t-\tn\t-\t1\tanvil
                scache\t  unix\t-\t-\tn\t-\t1\tscache
                discard\t  unix\t-\t-\tn\t-\t-\tdiscard
                tlsmgr    unix  -       -       n       1000?   1       tlsmgr
                retry     unix  -       -       n       -       -       error
                proxywrite unix -       -       n       -       1       proxymap
                #smtp      inet  n       -       n       -       1       postscreen
                #smtpd     pass  -       -       n       -       -       smtpd
                #dnsblog   unix  -       -       n       -       0       dnsblog
                #tlsproxy  unix  -       -       n       -       0       tlsproxy
                postlog   unix-dgram n  -       n       -       1       postlogd

                """)
        #expect(upgrade.changes.first == "adding missing entry for relay service")
        #expect(upgrade.changes.last == "adding missing entry for postlog unix-domain datagram service")
        var again = MasterFileUpgrade(upgrade.text)
        again.run()
        #expect(again.changes.isEmpty)
        #expect(again.text == upgrade.text)
    }

    @Test func changesFieldsAndNothingElse() {
        let old = """
            # a comment
            cleanup unix - - - - 0 cleanup
              -o foo=bar
            tlsmgr fifo - - n 300 1 tlsmgr
            verify  unix  -  -  n  -  0  verify
            proxywrite unix - - n - - proxymap

            """
        var upgrade = MasterFileUpgrade(old)
        upgrade.run()
        #expect(
            upgrade.text.hasPrefix(
                """
                # a comment
                cleanup unix n - - - 0 cleanup
                  -o foo=bar
                tlsmgr unix - - n 300? 1 tlsmgr
                verify  unix  -  -  n  -  1  verify
                proxywrite unix - - n - 1 proxymap
                relay
                """))
        for change in [
            "making the cleanup service public", "updating the tlsmgr from fifo to unix service",
            "setting verify process limit to 1", "setting proxywrite process limit to 1",
        ] { #expect(upgrade.changes.contains(change)) }
    }
}
