import MailSyntax

enum HostHarness {
    static func hostPort(_ console: Console) async {
        for line in console.lines() {
            console.print(">> \(line)")
            if line.isEmpty || line.hasPrefix("#") { continue }
            do throws(HostPort.Problem) {
                let endpoint = try HostPort.checked(line)
                console.print("host \(endpoint.host) port \(endpoint.port ?? "default-service")")
            } catch {
                console.log.warning("\(error.reason) in \(line)")
            }
        }
    }

    static func name(_ console: Console) async {
        for line in console.lines() {
            console.log.info("testing: \"\(line)\"")
            if let warning = HostName.warning(line, allowWildcard: true) { console.log.warning(warning) }
            if !line.contains("*"), let problem = HostAddressText.problem(line) { console.log.warning(problem) }
        }
    }
}
