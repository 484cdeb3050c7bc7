import CommandReference
import Configuration
import Glibc
import MailSystem
import Operate
import Submission

/// `postfix tls …`: postfix-tls(1).
package struct TLSAdministration {
    let parameters: Parameters
    let log: MailLog

    package init(parameters: Parameters) {
        self.parameters = parameters
        log = CommandLog.make(
            tag: "postfix-tls-script", parameters: parameters, standardError: CommandLog.hasTerminal)
    }

    /// - Returns: exit status.
    package func run(_ arguments: [String]) -> Int32 {
        do {
            return try dispatch(arguments.first ?? "", Array(arguments.dropFirst()))
        } catch {
            log.fatal(error.message)
            return 1
        }
    }

    private static let subcommands: [(name: String, usage: String)] = [
        ("enable-client", "[-r devrandom]"),
        ("enable-server", "[-a algorithm] [-b bits ] [-r devrandom] [hostname ...]"),
        ("new-server-key", "[-a algorithm] [-b bits ] [hostname ...]"),
        ("new-server-cert", "[-a algorithm] [-b bits ] [hostname ...]"),
        ("deploy-server-cert", "certfile keyfile"), ("output-server-csr", "[-k keyfile] [hostname ...]"),
        ("output-server-tlsa", "[-h hostname] [keyfile ...]"), ("all-default-client", ""), ("all-default-server", ""),
    ]

    private func dispatch(_ subcommand: String, _ arguments: [String]) throws(CommandFailure) -> Int32 {
        switch subcommand {
        case "enable-client":
            let (options, _) = try parse(subcommand, arguments, "r:", operands: 0...0)
            try enableClient(randomSource: options["r"])
        case "enable-server":
            let (options, hosts) = try parse(subcommand, arguments, "a:b:r:")
            try enableServer(options, hosts)
        case "new-server-key", "new-server-cert":
            let (options, hosts) = try parse(subcommand, arguments, "a:b:")
            try newKey(options, hosts, keepsKey: subcommand == "new-server-cert")
        case "deploy-server-cert":
            let (_, files) = try parse(subcommand, arguments, "", operands: 2...2)
            try deploy(certificate: absolute(files[0]), key: absolute(files[1]))
            say(Texts.deployed + Texts.reload)
        case "output-server-csr":
            let (options, hosts) = try parse(subcommand, arguments, "k:")
            try outputRequest(options["k"] ?? "rsa", hosts)
        case "output-server-tlsa":
            let (options, keys) = try parse(subcommand, arguments, "h:")
            try outputTLSA(options["h"] ?? parameters["myhostname"], keys)
        case "all-default-client":
            _ = try parse(subcommand, arguments, "", operands: 0...0)
            return isDefault(Self.clientSettings) ? 0 : 1
        case "all-default-server":
            _ = try parse(subcommand, arguments, "", operands: 0...0)
            return isDefault(Self.serverSettings) ? 0 : 1
        default:
            log.error("unknown tls command: '\(subcommand)'")
            let others = Self.subcommands.dropFirst().map(\.name).joined(separator: ", ")
            throw CommandFailure("usage: postfix tls enable-client (or \(others))")
        }
        return 0
    }

    private func parse(
        _ subcommand: String, _ arguments: [String], _ letters: String, operands: ClosedRange<Int> = 0...1000
    ) throws(CommandFailure) -> (options: [String: String], operands: [String]) {
        var scanner = OptionScanner(arguments, options: letters)
        var options: [String: String] = [:]
        let form = Self.subcommands.first { $0.name == subcommand }?.usage ?? ""
        let usage = CommandFailure("usage: postfix tls \(subcommand)\(form.isEmpty ? "" : " ")\(form)")
        while let item = scanner.next() {
            switch item {
            case .value(let letter, let value): options[String(letter)] = value
            case .flag, .error: throw usage
            }
        }
        guard operands.contains(scanner.operands.count) else { throw usage }
        return (options, scanner.operands)
    }

    private func say(_ lines: [String]) {
        for line in lines { log.info(line) }
    }

    private func edit(_ values: [(name: String, value: String)]) throws(CommandFailure) {
        try MainFileEdit.set("\(parameters.directory)/main.cf", values)
    }

    // MARK: What is set

    private static let clientSettings = [
        "smtp_use_tls", "smtp_enforce_tls", "smtp_tls_enforce_peername", "smtp_tls_security_level",
        "smtp_tls_cert_file", "smtp_tls_dcert_file", "smtp_tls_eccert_file", "smtp_tls_chain_files",
    ]
    private static let serverSettings = [
        "smtpd_use_tls", "smtpd_enforce_tls", "smtpd_tls_security_level", "smtpd_tls_cert_file",
        "smtpd_tls_dcert_file", "smtpd_tls_eccert_file", "smtpd_tls_chain_files",
    ]

    private func isDefault(_ names: [String]) -> Bool {
        let defaults = Parameters(values: [:], directory: parameters.directory, facts: .system)
        return names.allSatisfy { parameters[$0] == defaults[$0] }
    }

    /// tls_random_source with `-r`, or its default written out when nothing is set.
    private func randomSource(_ option: String?) -> [(name: String, value: String)] {
        if let option { return [("tls_random_source", option)] }
        return parameters.isSet("tls_random_source") ? [] : [("tls_random_source", parameters["tls_random_source"])]
    }

    // MARK: Client

    private func enableClient(randomSource option: String?) throws(CommandFailure) {
        guard isDefault(Self.clientSettings) else { return say(Texts.clientSuggestion) }
        try edit(
            [
                ("smtp_tls_security_level", "may"), ("smtp_tls_loglevel", "1"),
                ("smtp_tls_session_cache_database", "lmdb:\(parameters["data_directory"])/smtp_scache"),
            ] + randomSource(option))
        say(["Enabled opportunistic TLS in the Postfix SMTP client."] + Texts.reload)
    }

    // MARK: Server

    private func enableServer(_ options: [String: String], _ hosts: [String]) throws(CommandFailure) {
        guard isDefault(Self.serverSettings) else { return say(Texts.serverSuggestion) }
        let files = try make(options, hosts, keepsKey: false)
        try deploy(certificate: files.certificate, key: files.key)
        try edit(
            [
                ("smtpd_tls_security_level", "may"), ("smtpd_tls_loglevel", "1"), ("smtpd_tls_received_header", "yes"),
            ] + randomSource(options["r"]))
        say(["Enabled opportunistic TLS in the Postfix SMTP server"] + Texts.deployed + Texts.reload)
        say(Texts.afterEnabling(key: files.key, certificate: files.certificate))
    }

    private func newKey(_ options: [String: String], _ hosts: [String], keepsKey: Bool) throws(CommandFailure) {
        let files = try make(options, hosts, keepsKey: keepsKey)
        say(Texts.made(key: files.key, certificate: files.certificate, isNewKey: files.isNewKey))
    }

    private func make(
        _ options: [String: String], _ hosts: [String], keepsKey: Bool
    ) throws(CommandFailure) -> (key: String, certificate: String, isNewKey: Bool) {
        let name = options["a"] ?? "rsa"
        guard let algorithm = ServerKey.Algorithm(rawValue: name) else {
            // What OpenSSL knows and the server has no parameters for, and what nobody knows.
            throw CommandFailure("Unsupported \(name == "dsa" ? "public" : "private") key algorithm: \(name)")
        }
        let old = keepsKey ? deployedKey(algorithm).flatMap { try? ServerKey.read($0) } : nil
        let key: ServerKey
        if let old {
            key = old
        } else {
            key = try ServerKey.generate(algorithm, bits: options["b"] ?? algorithm.defaultBits)
        }
        let maker = try CertificateMaker(key: key, hosts: hosts.isEmpty ? [parameters["myhostname"]] : hosts)
        let stamp = Self.timeStamp()
        let base = "\(parameters.directory)/\(algorithm.filePrefix)"
        let keyFile = "\(base)key-\(stamp).pem"
        let certificateFile = "\(base)cert-\(stamp).pem"
        do {
            try Files.writeAtomically(try key.pem(), to: keyFile, permissions: 0o600)
            try Files.writeAtomically(try maker.certificate(), to: certificateFile)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure("\(error)")
        }
        return (keyFile, certificateFile, old == nil)
    }

    /// UTC, as in `key-20261128-175110.pem`.
    private static func timeStamp() -> String {
        var now = time(nil)
        var fields = tm()
        gmtime_r(&now, &fields)
        var buffer = [CChar](repeating: 0, count: 32)
        let count = strftime(&buffer, buffer.count, "%Y%m%d-%H%M%S", &fields)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func deploy(certificate: String, key: String) throws(CommandFailure) {
        let own = try ServerKey.read(key)
        guard let algorithm = own.algorithm else {
            throw CommandFailure("Unsupported private key type in file: \(key)")
        }
        guard own.matches(certificateIn: certificate) else {
            throw CommandFailure("Certificate in \(certificate) does not match key in \(key)")
        }
        try edit([(algorithm.certificateParameter, certificate), (algorithm.keyParameter, key)])
    }

    // MARK: Output

    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(parameters.directory)/\(path)"
    }

    /// The key file that main.cf names; nil when there is none.
    private func deployedKey(_ algorithm: ServerKey.Algorithm) -> String? {
        let value = parameters[algorithm.keyParameter]
        return value.isEmpty || value == "none" ? nil : absolute(value)
    }

    /// A key by path, or by the name of an algorithm.
    private func keyFile(_ text: String) -> String? {
        if let algorithm = ServerKey.Algorithm(rawValue: text) { return deployedKey(algorithm) }
        return absolute(text)
    }

    private func outputRequest(_ name: String, _ hosts: [String]) throws(CommandFailure) {
        guard let file = keyFile(name), let key = try? ServerKey.read(file) else {
            throw CommandFailure("No usable keyfile specified or configured")
        }
        let maker = try CertificateMaker(key: key, hosts: hosts.isEmpty ? [parameters["myhostname"]] : hosts)
        try write(try maker.request())
    }

    private func outputTLSA(_ host: String, _ names: [String]) throws(CommandFailure) {
        for name in names.isEmpty ? ServerKey.Algorithm.allCases.map(\.rawValue) : names {
            guard let file = keyFile(name) else { continue }
            try write(Array("; \(file)\n".utf8))
            let digest = try ServerKey.read(file).publicKeyDigest()
            try write(Array("_25._tcp.\(host). IN TLSA 3 1 1 \(digest)\n".utf8))
        }
    }

    private func write(_ bytes: [UInt8]) throws(CommandFailure) {
        do { try Descriptors.writeAll(bytes, to: STDOUT_FILENO) } catch { throw CommandFailure("\(error)") }
    }
}
