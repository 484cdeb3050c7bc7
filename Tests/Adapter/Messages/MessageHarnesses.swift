extension Adapter {
    static let messageHarnesses: [String: Harness] = [
        "bounce_notify_util_tester": NotificationHarness.run,
        "cleanup_milter": MilterHarness.run,
        "header_body_checks": MIMEHarness.checks,
        "mime_state": MIMEHarness.structure,
    ]
}
