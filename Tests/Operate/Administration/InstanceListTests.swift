import Submission
import Testing

@testable import Administration

/// Expected lines and texts are those of Debian's postmulti.
struct InstanceListTests {
    private static let primary = Instance(
        configDirectory: "/etc/postfix", queueDirectory: "/var/spool/postfix", dataDirectory: "/var/lib/postfix",
        isEnabled: true)

    private static func secondary(_ name: String, _ group: String = "") -> Instance {
        Instance(
            configDirectory: "/etc/\(name)", queueDirectory: "/var/spool/\(name)", dataDirectory: "/var/lib/\(name)",
            name: name, group: group)
    }

    private let list = InstanceList(
        primary: primary,
        secondaries: [secondary("postfix-a", "g"), secondary("postfix-b"), secondary("postfix-c", "g")])

    @Test func linesAreAligned() {
        #expect(Self.primary.line == "-               -               y         /etc/postfix")
        #expect(list.secondaries[0].line == "postfix-a       g               n         /etc/postfix-a")
        #expect(
            list.secondaries[1].json
                == #"{"name": "postfix-b", "group": "-", "enabled": "n", "config_directory": "/etc/postfix-b"}"#)
    }

    @Test(arguments: [
        (InstanceSelection.all, ["/etc/postfix", "/etc/postfix-a", "/etc/postfix-b", "/etc/postfix-c"]),
        (.group("g"), ["/etc/postfix-a", "/etc/postfix-c"]), (.group("x"), []), (.name("-"), ["/etc/postfix"]),
        (.name("postfix-b"), ["/etc/postfix-b"]), (.name("/etc/postfix-c"), ["/etc/postfix-c"]), (.name("b"), []),
    ])
    func selects(_ selection: InstanceSelection, _ expected: [String]) {
        #expect(list.selected(selection).map(\.configDirectory) == expected)
    }

    @Test func newInstancesGoWhereAsked() {
        let old = ["/etc/postfix-a", "/etc/postfix-b", "/etc/postfix-c"]
        #expect(list.directories(adding: "/n", before: nil) == old + ["/n"])
        #expect(list.directories(adding: "/n", before: .all) == ["/n"] + old)
        #expect(list.directories(adding: "/n", before: .group("g")) == ["/n"] + old)
        #expect(list.directories(adding: "/n", before: .name("postfix-b")) == [old[0], "/n", old[1], old[2]])
        #expect(list.directories(adding: "/n", before: .name("-")) == nil)
    }

    @Test func nothingIsShared() {
        var new = Self.secondary("postfix-n")
        #expect(list.conflict(new, isNew: true) == nil)
        new.dataDirectory = "/var/lib/postfix"
        #expect(
            list.conflict(new, isNew: true)
                == "instance /etc/postfix-n, data_directory=/var/lib/postfix conflicts with instance /etc/postfix, data_directory=/var/lib/postfix"
        )
        new = Self.secondary("postfix-a")
        #expect(
            list.conflict(new, isNew: true)
                == "new config_directory=/etc/postfix-a is already in use by instance /etc/postfix-a, config_directory=/etc/postfix-a"
        )
        #expect(list.conflict(new, isNew: false) == nil)
    }

    @Test(arguments: [
        (["-l", "-x", "ls"], "Specify exactly one of '-e', '-l', '-p', '-x'"),
        ([], "Specify exactly one of '-e', '-l', '-p', '-x'"),
        (
            ["-e", "foo"],
            "Invalid '-e' edit action 'foo'. Specify 'create', 'destroy', 'import', 'deport', 'enable', 'disable', 'assign' or 'init'"
        ),
        (["-e", "create", "-I", "foo"], "New instance name must start with 'postfix-'"),
        (["-e", "enable"], "Select an instance via '-i name'"),
        (["-e", "enable", "-g", "g"], "Select an instance via '-i name'"),
        (["-e", "assign", "-i", "x"], "Specify new instance name or group with '-e assign'"),
        (["-e", "create", "x", "-I", "y"], "Malformed parameter setting 'x'"),
        (["-e", "create", "a=b"], "Parameter 'a' not valid with action create"),
        (["-e", "import", "queue_directory=/b"], "Parameter 'queue_directory' not valid with action import"),
        (["-e", "create", "config_directory=b"], "Parameter setting 'config_directory' is not an absolute path"),
        (["-e", "init", "a=b"], "Parameter overrides not valid with '-e init'"),
        (["-p", "-R", "status"], "The '-p' and '-e' options preclude the use of '-R'"),
        (["-x"], "Command required with '-p' or '-x' option"), (["-l", "x"], "Command not allowed with '-l'"),
        (["-l", "-a", "-g", "x"], "Specity no more than one of '-a', '-g', '-i'"),
        (["-l", "-G", "x"], "Cannot assign instance name or group without '-e assign'"),
    ])
    func refuses(_ arguments: [String], _ text: String) {
        do {
            _ = try PostmultiOptions(arguments)
            Issue.record("accepted")
        } catch {
            #expect(error.message == text)
        }
    }

    @Test func readsACompleteCommandLine() throws {
        let options = try PostmultiOptions(["-I", "postfix-x", "-G", "-", "-e", "create", "data_directory=/d=e"])
        #expect(options.mode == .edit(.create))
        #expect(options.newName == "postfix-x")
        #expect(options.newGroup == "")
        #expect(options.settings == ["data_directory": "/d=e"])
        #expect(try PostmultiOptions(["-x", "ls", "-l"]).operands == ["ls", "-l"])
    }
}
