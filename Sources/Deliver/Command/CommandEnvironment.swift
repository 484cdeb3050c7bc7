import Configuration
import MailSystem

/// What commands find in their environment, and where programs without a path are looked for.
enum CommandEnvironment {
    static let path = "/usr/bin:/bin"

    /// export_environment: names to pass on and `name=value` settings; PATH is always the system's.
    static func variables(_ parameters: Parameters) -> [String: String] {
        var variables = ["PATH": path]
        for entry in parameters.list("export_environment") {
            if let equals = entry.firstIndex(of: "=") {
                variables[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
            } else if let value = ProcessEnvironment.value(entry) {
                variables[entry] = value
            }
        }
        return variables
    }

    static func list(_ variables: [String: String]) -> [String] {
        variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    /// execvp(3)'s search. A program that is not found keeps its name: exec then reports it.
    static func executable(_ name: String, chroot: String? = nil) -> String {
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        for directory in path.split(separator: ":") {
            let candidate = "\(directory)/\(name)"
            if Files.isExecutable((chroot ?? "") + candidate) { return candidate }
        }
        return name
    }
}
