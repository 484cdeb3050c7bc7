/// What qmgr(8) says when one destination takes up much of the active queue (postconf(5) qmgr_clog_warn_time).
enum ClogWarning {
    static func lines(_ destination: Destination, length: Int, active: Int) -> [String] {
        let transport = destination.transport
        let limit = transport.settings.destinationConcurrencyLimit
        var lines = ["mail for \(destination.name) is using up \(length) of \(active) active queue entries"]
        if Double(length) < 0.9 * Double(active) { lines.append("this may slow down other mail deliveries") }
        if limit > 0, limit <= destination.busy + 1 {
            lines.append(
                "you may need to increase the main.cf \(transport.name)_destination_concurrency_limit from \(limit)")
        } else if transport.settings.processLimit > 0, transport.busy + 1 >= transport.settings.processLimit {
            lines.append("you may need to increase the master.cf \(transport.name) process limit")
        } else {
            lines += [
                "you may need to reduce \(transport.name) connect and helo timeouts",
                "so that Postfix quickly skips unavailable hosts",
                "you may need to increase the main.cf minimal_backoff_time and maximal_backoff_time",
                "so that Postfix wastes less time on undeliverable mail",
                "you may need to increase the master.cf \(transport.name) process limit",
            ]
        }
        return lines + [
            "please avoid flushing the whole queue when you have",
            "lots of deferred mail, that is bad for performance",
            "to turn off these warnings specify: qmgr_clog_warn_time = 0",
        ]
    }
}
