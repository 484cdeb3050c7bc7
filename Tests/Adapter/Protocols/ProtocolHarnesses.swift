extension Adapter {
    static let protocolHarnesses: [String: Harness] = [
        "attr_print0": { AttributeHarness(form: .null).write($0) },
        "attr_print64": { AttributeHarness(form: .base64).write($0) },
        "attr_print_plain": { AttributeHarness(form: .plain).write($0) },
        "attr_scan0": { AttributeHarness(form: .null).read($0) },
        "attr_scan64": { AttributeHarness(form: .base64).read($0) },
        "attr_scan_plain": { AttributeHarness(form: .plain).read($0) },
        "scache": CacheHarness.run,
    ]
}
