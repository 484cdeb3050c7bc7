import Configuration
import MailSystem
import Operate
import Submission

/// `postmulti -e`: makes instances known, changes and removes them. Only the primary instance's main.cf and the
/// instance's own files are touched.
struct InstanceLifeCycle {
    let parameters: Parameters
    let instances: InstanceList
    let log: MailLog
    /// For what Postfix's helper script says.
    let script: MailLog

    func run(_ edit: PostmultiOptions.Edit, _ options: PostmultiOptions) throws {
        if edit == .`init` { return try initialize() }
        if !edit.adds {
            guard let selection = options.selection, let instance = instances.selected(selection).first else {
                throw CommandFailure("No instance named \(name(options))")
            }
            return try change(instance, edit, options)
        }
        let added = try self.added(edit, options)
        guard let directories = instances.directories(adding: added.configDirectory, before: options.selection) else {
            throw CommandFailure("No matching secondary instances")
        }
        try requireWrapper()
        let creation = InstanceCreation(parameters: parameters, script: script)
        if edit == .create { try creation.make(added) }
        try set(added, options)
        try set("multi_instance_directories", directories.joined(separator: " "), in: instances.primary)
    }

    private func name(_ options: PostmultiOptions) -> String {
        if case .name(let name) = options.selection { return name }
        return ""
    }

    private func set(_ name: String, _ value: String, in instance: Instance) throws {
        try MainFileEdit.set("\(instance.configDirectory)/main.cf", [(name, value)])
    }

    /// The options `-I` and `-G`.
    private func set(_ instance: Instance, _ options: PostmultiOptions) throws {
        var values: [(name: String, value: String)] = []
        if let name = options.newName { values.append(("multi_instance_name", name)) }
        if let group = options.newGroup { values.append(("multi_instance_group", group)) }
        if !values.isEmpty { try MainFileEdit.set("\(instance.configDirectory)/main.cf", values) }
    }

    private func initialize() throws {
        try MainFileEdit.set(
            "\(parameters.directory)/main.cf",
            [
                ("multi_instance_enable", "yes"), ("multi_instance_wrapper", "${command_directory}/postmulti -p --"),
            ])
    }

    private func requireWrapper() throws(CommandFailure) {
        guard parameters["multi_instance_wrapper"].isEmpty else { return }
        script.fatal("multi_instance_wrapper is empty, run 'postmulti -e init' first.")
        throw CommandFailure("")
    }

    // MARK: Existing instances

    private func change(_ instance: Instance, _ edit: PostmultiOptions.Edit, _ options: PostmultiOptions) throws {
        switch edit {
        case .enable, .disable:
            try requireWrapper()
            try set("multi_instance_enable", edit == .enable ? "yes" : "no", in: instance)
        case .assign:
            var changed = instance
            if let name = options.newName { changed.name = name }
            if let conflict = instances.conflict(changed, isNew: false) { throw CommandFailure(conflict) }
            try requireWrapper()
            try set(instance, options)
        case .deport, .destroy:
            if instances.isPrimary(instance) { throw CommandFailure("Cannot remove the primary instance") }
            if instance.isEnabled { throw CommandFailure("Cannot remove enabled instances") }
            try requireWrapper()
            let removal = InstanceRemoval(
                instance: instance, script: script,
                status: CommandLog.make(
                    tag: "postfix-script",
                    parameters: try .load(directory: instance.configDirectory, processName: "postfix"),
                    standardError: CommandLog.hasTerminal))
            try removal.requireStopped()
            if edit == .destroy { try removal.requireEmpty() }
            let rest = instances.secondaries.map(\.configDirectory).filter { $0 != instance.configDirectory }
            try set("multi_instance_directories", rest.joined(separator: " "), in: instances.primary)
            if edit == .destroy { try removal.run() }
        case .create, .import, .`init`: break
        }
    }

    // MARK: New instances

    /// The instance that `-e create` or `-e import` is to add.
    private func added(_ edit: PostmultiOptions.Edit, _ options: PostmultiOptions) throws -> Instance {
        func directory(_ name: String, beside other: String) throws(CommandFailure) -> String {
            if let value = options.settings[name] { return value }
            guard let own = options.newName, !own.isEmpty else {
                throw CommandFailure("Missing \(name) parameter value")
            }
            return other.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/\(own)"
        }
        let primary = instances.primary
        let path = try directory("config_directory", beside: primary.configDirectory)
        var instance: Instance
        if edit == .import || InstanceCreation.isComplete(path) {
            if let conflict = instances.conflict(
                Instance(configDirectory: path, queueDirectory: "", dataDirectory: ""), isNew: true)
            {
                throw CommandFailure(conflict)
            }
            instance = try PostmultiCommand.instance(path, log)
        } else {
            instance = Instance(
                configDirectory: path,
                queueDirectory: try directory("queue_directory", beside: primary.queueDirectory),
                dataDirectory: try directory("data_directory", beside: primary.dataDirectory))
        }
        if let name = options.newName { instance.name = name }
        if let group = options.newGroup { instance.group = group }
        if let conflict = instances.conflict(instance, isNew: true) { throw CommandFailure(conflict) }
        return instance
    }
}
