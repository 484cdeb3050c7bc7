extension Parameters {
    /// A per-transport parameter, such as ("smtp", "_destination_concurrency_limit"): main.cf's
    /// `smtp_destination_concurrency_limit`, or else the parameter that is its default. postconf(5) documents them as
    /// `transport_destination_concurrency_limit`; they exist because of a master.cf line.
    public func transport(_ service: String, _ suffix: String) -> String {
        let name = service + suffix
        if let value = store.value(name) { return value }
        guard let template = ParameterCatalogue.definition("transport" + suffix) else { return "" }
        return (try? store.expand(template.defaultValue, depth: 0)) ?? ""
    }

    public func transportInt(_ service: String, _ suffix: String) -> Int {
        let template = "transport" + suffix
        if let number = store.integer(template, transport(service, suffix)) { return number }
        return store.integer(template, store.defaultValue(template) ?? "") ?? 0
    }

    public func transportSeconds(_ service: String, _ suffix: String) -> Int {
        let template = "transport" + suffix
        if let number = store.time(template, transport(service, suffix)) { return number }
        return store.time(template, store.defaultValue(template) ?? "") ?? 0
    }
}
