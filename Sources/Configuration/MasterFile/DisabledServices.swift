/// master_service_disable: services of master.cf whose endpoints master does not open. Pure.
public struct DisabledServices: Sendable {
    private let patterns: [String]

    public init(_ parameters: Parameters) { patterns = parameters.list("master_service_disable") }

    /// `type` or `name/type`, with `!` for what is to be left on; the first that matches decides (postconf(5)).
    public func contains(_ service: MasterService) -> Bool {
        for pattern in patterns {
            var name = pattern[...]
            var disables = true
            while name.hasPrefix("!") {
                name = name.dropFirst()
                disables.toggle()
            }
            let type = service.kind.rawValue
            if name == type[...] || name == "\(service.name)/\(type)"[...] { return disables }
        }
        return false
    }
}
