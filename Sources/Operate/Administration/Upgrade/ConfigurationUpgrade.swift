import Configuration
import MailSystem
import Operate

/// `postfix upgrade-configuration`: adds services and settings that came after the configuration was written.
package struct ConfigurationUpgrade {
    let parameters: Parameters
    /// Gets one line for each change, as post-install prints it.
    let report: (String) -> Void

    package init(parameters: Parameters, report: @escaping (String) -> Void) {
        self.parameters = parameters
        self.report = report
    }

    package func run() throws {
        let master = "\(parameters.directory)/master.cf"
        var upgrade = MasterFileUpgrade(try Files.readText(master))
        upgrade.run()
        if !upgrade.changes.isEmpty {
            let text = Array(upgrade.text.utf8)
            try ConfigurationFileEdit.run(master) { _ in text }
            for change in upgrade.changes { report("Editing \(master), \(change)") }
        }
        try upgradeMain()
    }

    private func upgradeMain() throws {
        let main = "\(parameters.directory)/main.cf"
        var values: [(name: String, value: String)] = []
        let names = parameters.list("hash_queue_names")
        let missing = ["defer", "deferred"].filter { !names.contains($0) }
        if !missing.isEmpty {
            values.append(("hash_queue_names", (names + missing).joined(separator: ", ")))
            report("Editing \(main), adding missing entries for \(missing.joined(separator: " ")) to hash_queue_names")
        }
        if !parameters.isSet("inet_protocols") {
            // Before 2.9 IPv6 was off unless asked for: an upgrade must not begin to use it.
            values.append(("inet_protocols", "ipv4"))
            report("\n    COMPATIBILITY: editing \(main), setting")
            report("    inet_protocols=ipv4.  Specify inet_protocols explicitly if you want")
            report("    to enable IPv6.  In a future release IPv6 will be enabled by default.")
        }
        if !values.isEmpty { try MainFileEdit.set(main, values) }
    }
}
