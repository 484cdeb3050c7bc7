import Configuration
import MailSystem
import Operate
import Submission

/// Makes the files and directories of a new instance: the stock main.cf and master.cf of `$meta_directory`, with the
/// locations of shared files as the primary instance has them.
struct InstanceCreation {
    /// Of the primary instance.
    let parameters: Parameters
    let script: MailLog

    /// What instances share: taken from the primary main.cf when it says something, else left at its default.
    static let shared = [
        "command_directory", "daemon_directory", "sendmail_path", "newaliases_path", "mailq_path", "html_directory",
        "manpage_directory", "sample_directory", "readme_directory", "setgid_group", "mail_owner", "meta_directory",
        "shlib_directory",
    ]

    static func isComplete(_ directory: String) -> Bool {
        Files.exists("\(directory)/main.cf") && Files.exists("\(directory)/master.cf")
    }

    func make(_ instance: Instance) throws {
        if !Self.isComplete(instance.configDirectory) { try makeConfiguration(instance) }
        let own = try Parameters.load(directory: instance.configDirectory)
        try ConfigurationUpgrade(parameters: own, report: { _ in }).run()
        try QueueTree(own).makeMissing()
    }

    private func makeConfiguration(_ instance: Instance) throws {
        var texts: [(name: String, text: [UInt8])] = []
        for name in ["main.cf", "master.cf"] {
            let path = "\(parameters["meta_directory"])/\(name).proto"
            guard let text = try? Files.read(path) else {
                script.fatal("Missing \(name) prototype: \(path)")
                throw CommandFailure("")
            }
            texts.append((name, text))
        }
        let directory = instance.configDirectory
        try Files.makeDirectories(directory)
        for (name, text) in texts { try Files.writeAtomically(text, to: "\(directory)/\(name)") }

        let path = "\(directory)/main.cf"
        var values = Self.shared.compactMap { name in parameters.raw(name).map { (name: name, value: $0) } }
        values += [("queue_directory", instance.queueDirectory), ("data_directory", instance.dataDirectory)]
        // It must not listen, nor take mail from users, before the administrator has had a look.
        values += [("master_service_disable", "inet"), ("authorized_submit_users", "")]
        try MainFileEdit.comment(path, Self.shared.filter { !parameters.isSet($0) })
        try MainFileEdit.set(path, values)
    }
}
