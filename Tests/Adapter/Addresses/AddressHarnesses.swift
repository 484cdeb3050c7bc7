extension Adapter {
    static let addressHarnesses: [String: Harness] = [
        "cleanup_masquerade": MasqueradeHarness.run,
        "mail_addr_crunch": AddressMapHarness.crunch,
        "mail_addr_find": AddressLookupHarness.run,
        "mail_addr_map": AddressMapHarness.map,
        "resolve_clnt": RoutingHarness.resolve,
        "rewrite_clnt": RoutingHarness.rewrite,
        "smtp_map11": AddressMapHarness.generic,
        "transport": RoutingHarness.transport,
    ]
}
