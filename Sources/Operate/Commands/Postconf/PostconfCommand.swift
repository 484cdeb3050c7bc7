import CMailSystem
import Configuration
import Glibc
import Lookup
import MailSystem
import Submission

/// postconf(1).
public enum PostconfCommand {
    private static let name = "postconf"
    static let calledName = Submission.CommandContext.asCalled(name)

    public static func run(_ arguments: [String]) -> Int32 {
        CommandContext.run(calledName, logs: false) { () throws(CommandFailure) in
            umask(0o022)
            let options = try PostconfOptions(arguments)
            CommandTrace.begin(calledName, level: options.verbosity)
            let output = StandardOutput()
            // An error leaves nothing half said.
            try run(options, output)
            output.flush()
            return 0
        }
    }

    private static func warn(_ text: String) {
        StandardErrorSink().write(LogRecord(tag: calledName, severity: .warning, text: text))
    }

    private static func run(_ options: PostconfOptions, _ output: StandardOutput) throws(CommandFailure) {
        if let listing = options.listing, listing != .bounces, listing != .expandedBounces {
            return try list(listing, options, output)
        }
        let explicit = options.directory != nil || getenv("MAIL_CONFIG") != nil
        let directory = options.directory ?? CommandContext.configurationDirectory
        let mainPath = "\(directory)/main.cf"
        let masterPath = "\(directory)/master.cf"
        if let edit = options.edit {
            if options.target == .main {
                return try MainEdit(options: options, path: mainPath, warn: warn).run(edit)
            }
            return try MasterEdit(options: options, path: masterPath, warn: warn).run(edit)
        }
        let parameters: Parameters
        if options.defaults {
            parameters = Parameters(values: [:], directory: directory, processName: name, facts: .system)
        } else {
            if options.target != .main, !Files.exists(masterPath) {
                throw CommandFailure("open \(masterPath): \(String(cString: strerror(ENOENT)))")
            }
            do {
                parameters = try Parameters.load(directory: directory, overrides: options.overrides, processName: name)
            } catch {
                throw CommandFailure(error.description)
            }
            for diagnostic in parameters.fileDiagnostics {
                warn(diagnostic.complaint)
            }
            if explicit, let place = parameters.place(of: "config_directory"), place.file != "-o",
                parameters.raw("config_directory") != directory
            {
                // -c and MAIL_CONFIG have set it before the file is read.
                warn("\(place.file), line \(place.line): overriding earlier entry: config_directory=\(directory)")
            }
        }
        if !options.defaults {
            let settings = parameters.namesSet.map { (name: $0, value: parameters.raw($0) ?? "") }
            CommandTrace.tell(settings: settings, of: mainPath)
        }
        if let listing = options.listing { return try BounceListing(options, parameters, output).run(listing) }

        let master = try MasterText(path: masterPath)
        if master == nil {
            let reason = "open \(masterPath): \(String(cString: strerror(ENOENT)))"
            if options.target != .main { throw CommandFailure(reason) }
            warn(reason)
        }
        master?.complaints.forEach(warn)
        if let master { CommandTrace.tell("\(masterPath): \(master.entries.count) services") }
        var model = PostconfModel(
            parameters: parameters, master: master?.entries ?? [], options: options, showsDirectory: explicit,
            warn: warn)
        var check = UsageCheck(model, mainPath: mainPath, masterPath: masterPath, warn: warn)
        if !options.defaults { model.userNames = try check.scan() }
        if options.explains {
            let explanation = Explanation(model: model, json: options.json)
            for name in options.operands {
                if let text = explanation.text(name) { output.write(text) } else { warn("\(name): unknown parameter") }
            }
            return
        }
        if options.target == .main {
            try list(model, options, output)
        } else {
            try MasterListing(options: options, model: model, output: output, warn: warn).run()
        }
        output.flush()
        if options.defaults { return }
        check.warnOfUnused(main: options.target == .main)
        if !options.quiet { check.warnOfDeprecated() }
    }

    private static func list(
        _ model: PostconfModel, _ options: PostconfOptions, _ output: StandardOutput
    ) throws(CommandFailure) {
        let printer = SettingOutput(options: options, output: output)
        if options.operands.isEmpty {
            let names = model.names(classes: options.classes, explicitOnly: options.explicitOnly)
            for name in names { printer.print(name, try model.value(name)) }
            return
        }
        for name in options.operands {
            guard model.isKnown(name) else {
                warn("\(name): unknown parameter")
                continue
            }
            if options.explicitOnly, !model.isSet(name) { continue }
            printer.print(name, try model.value(name))
        }
    }

    private static func list(
        _ listing: PostconfOptions.Listing, _ options: PostconfOptions, _ output: StandardOutput
    ) throws(CommandFailure) {
        let lines: [String]
        switch listing {
        case .serverSASL: lines = ["dovecot", "embedded"]
        case .clientSASL: lines = []
        case .locks: lines = ["flock", "fcntl", "dotlock"]
        case .tables: lines = TableTypes.names
        case .tls:
            switch options.tlsMode {
            case "compile-version": lines = [String(cString: apus_openssl_version())]
            case "run-version": lines = [Self.libraryVersion]
            case "public-key-algorithms": lines = ["dsa", "ecdsa", "rsa"]
            default:
                warn("unknown 'postconf -T' mode: \(options.tlsMode)")
                throw CommandFailure.reported
            }
        case .bounces, .expandedBounces: lines = []
        }
        for line in lines { output.write(line + "\n") }
    }
}

extension PostconfCommand {
    /// Of the OpenSSL that the daemons would load. Not linked: postmap and its kin, which share this room, start without.
    private static var libraryVersion: String {
        typealias Version = @convention(c) (CInt) -> UnsafePointer<CChar>?
        guard let library = dlopen("libcrypto.so.3", RTLD_NOW), let symbol = dlsym(library, "OpenSSL_version") else {
            return ""
        }
        // dlsym(3) gives no other way to a function than its address. 0 is OPENSSL_VERSION.
        return unsafeBitCast(symbol, to: Version.self)(0).map { String(cString: $0) } ?? ""
    }
}
