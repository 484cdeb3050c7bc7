import Configuration
import MailSystem

extension PickupService.Settings {
    /// - Parameter parameters: of the pickup service.
    init(_ parameters: Parameters) {
        self.init()
        contentFilter = parameters["content_filter"]
        let overrides = parameters.list("receive_override_options")
        mapsAddresses = !overrides.contains("no_address_mappings")
        checksContent = !overrides.contains("no_header_body_checks")
        if let account = try? Users.lookup(name: parameters["mail_owner"]) { owner = account.uid }
        logsInternalAddresses = parameters["info_log_address_format"] == "internal"
    }
}
