extension Adapter {
    static let serverHarnesses: [String: Harness] = [
        "dns_rr_eq_sa": DNSHarness.compare,
        "dns_rr_to_pa": DNSHarness.addresses,
        "dns_rr_to_sa": DNSHarness.endpoints,
        "dns_sa_to_rr": DNSHarness.hosts,
        "postscreen_dnsbl": PostscreenHarness.run,
        "smtpd_check": RestrictionHarness.run,
        "test_dns_lookup": DNSHarness.lookup,
    ]
}
