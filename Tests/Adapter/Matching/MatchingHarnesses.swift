extension Adapter {
    static let matchingHarnesses: [String: Harness] = [
        "dict_open": TableHarness.run,
        "ip_match": OctetPatternHarness.run,
        "namadr_list": ListMatchHarness.networks,
        "resolve_local": ListMatchHarness.localDomain,
        "server_acl": ServerACLHarness.run,
    ]
}
