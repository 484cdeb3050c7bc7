import Configuration
import MailSyntax

/// One Postfix instance, as its main.cf describes it: postmulti(1).
struct Instance: Sendable, Equatable {
    var configDirectory: String
    var queueDirectory: String
    var dataDirectory: String
    /// multi_instance_name; empty when it has none.
    var name: String
    /// multi_instance_group; empty when it is in none.
    var group: String
    /// multi_instance_enable: a manager may start and stop it.
    var isEnabled: Bool

    init(
        configDirectory: String, queueDirectory: String, dataDirectory: String, name: String = "", group: String = "",
        isEnabled: Bool = false
    ) {
        self.configDirectory = configDirectory
        self.queueDirectory = queueDirectory
        self.dataDirectory = dataDirectory
        self.name = name
        self.group = group
        self.isEnabled = isEnabled
    }

    init(_ parameters: Parameters) {
        self.init(
            configDirectory: parameters.directory, queueDirectory: parameters["queue_directory"],
            dataDirectory: parameters["data_directory"], name: parameters["multi_instance_name"],
            group: parameters["multi_instance_group"], isEnabled: parameters.bool("multi_instance_enable"))
    }

    /// `postfix-out     mta             y         /etc/postfix-out`
    var line: String {
        let columns = [(label(name), 16), (label(group), 16), (isEnabled ? "y" : "n", 10)].map { text, width in
            // A text that is too long pushes the others to the right, as with `%-15s `.
            text + String(repeating: " ", count: max(1, width - text.utf8.count))
        }
        return columns.joined() + configDirectory
    }

    private func label(_ text: String) -> String { text.isEmpty ? "-" : text }

    /// One line of `postmulti -lj`.
    var json: String {
        "{\"name\": \(JSONText.string(label(name))), \"group\": \(JSONText.string(label(group))), "
            + "\"enabled\": \"\(isEnabled ? "y" : "n")\", \"config_directory\": \(JSONText.string(configDirectory))}"
    }
}

/// Which instances a command means: `-a`, `-g group`, `-i name`.
enum InstanceSelection: Sendable, Equatable {
    case all
    case group(String)
    /// A name, the path of a configuration directory, or `-` for the primary instance.
    case name(String)
}

/// The primary instance and those in its multi_instance_directories, in this order. Pure.
struct InstanceList: Sendable {
    let primary: Instance
    let secondaries: [Instance]

    var all: [Instance] { [primary] + secondaries }

    func isPrimary(_ instance: Instance) -> Bool { instance.configDirectory == primary.configDirectory }

    func selected(_ selection: InstanceSelection) -> [Instance] { all.filter { matches($0, selection) } }

    private func matches(_ instance: Instance, _ selection: InstanceSelection) -> Bool {
        switch selection {
        case .all: true
        case .group(let group): instance.group == group
        case .name("-"): isPrimary(instance)
        case .name(let name):
            name.hasPrefix("/") ? instance.configDirectory == name : !name.isEmpty && instance.name == name
        }
    }

    /// The directories after `added` has joined: at the end, before all others, or before the one selected.
    ///
    /// - Returns: nil when nothing matches the selection.
    func directories(adding added: String, before selection: InstanceSelection?) -> [String]? {
        var result = secondaries.map(\.configDirectory)
        switch selection {
        case nil: result.append(added)
        case .all: result.insert(added, at: 0)
        case .some(let selection):
            guard let place = secondaries.firstIndex(where: { matches($0, selection) }) else { return nil }
            result.insert(added, at: place)
        }
        return result
    }

    /// What a new or changed instance has in common with another that it must not share, as the text of a fatal error.
    ///
    /// - Parameter isNew: its configuration directory must be unknown; else that directory names the instance itself.
    func conflict(_ instance: Instance, isNew: Bool) -> String? {
        let mine = instance.configDirectory
        if isNew, let other = all.first(where: { $0.configDirectory == mine }) {
            return "new config_directory=\(mine) is already in use by instance \(other.configDirectory),"
                + " config_directory=\(other.configDirectory)"
        }
        for other in all where other.configDirectory != mine {
            let shared: (String, String)? =
                !instance.name.isEmpty && instance.name == other.name
                ? ("multi_instance_name", instance.name)
                : instance.queueDirectory == other.queueDirectory
                    ? ("queue_directory", instance.queueDirectory)
                    : instance.dataDirectory == other.dataDirectory ? ("data_directory", instance.dataDirectory) : nil
            if let (name, value) = shared {
                return "instance \(mine), \(name)=\(value) conflicts with instance \(other.configDirectory),"
                    + " \(name)=\(value)"
            }
        }
        return nil
    }
}
