extension Adapter {
    static let textHarnesses: [String: Harness] = [
        "casefold": CaseFoldHarness.run,
        "compat_level": MacroHarness.compatibilityLevel,
        "fold_addr": FoldAddressHarness.run,
        "format_tv": NumberHarness.time,
        "host_port": HostHarness.hostPort,
        "mac_expand": MacroHarness.expand,
        "mail_parm_split": ListHarness.run,
        "midna_domain": DomainHarness.run,
        "quote_822_local": QuotingHarness.run,
        "safe_ultostr": NumberHarness.text,
        "smtpd_token": TokenHarness.command,
        "strcasecmp_utf8": CaseFoldHarness.compare,
        "tok822_parse": TokenHarness.address,
        "valid_hostname": HostHarness.name,
    ]
}
