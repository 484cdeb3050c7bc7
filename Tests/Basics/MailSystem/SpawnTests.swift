import Glibc
import Testing

@testable import MailSystem

@Suite struct SpawnTests {
    /// Standard output of a program.
    private func output(_ arguments: [String], _ change: (inout Spawn) -> Void = { _ in }) throws -> String {
        let (reading, writing) = try Descriptors.pipe()
        var spawn = Spawn(executable: arguments[0], arguments: arguments, environment: ["PATH=/usr/bin:/bin"])
        spawn.descriptors = [1: writing]
        change(&spawn)
        let pid = try spawn.start()
        Descriptors.close(writing)
        var text: [UInt8] = []
        while case let chunk = try Descriptors.read(reading, count: 4096), !chunk.isEmpty { text += chunk }
        Descriptors.close(reading)
        #expect(ProcessStatus.wait(for: pid) == .exited(0))
        return String(decoding: text, as: UTF8.self)
    }

    @Test func childHasOnlyTheDescriptorsItIsGiven() throws {
        // Deliberately without close-on-exec.
        let leak = open("/dev/null", O_RDONLY)
        defer { close(leak) }
        let (a, b) = try Descriptors.socketPair()
        defer {
            close(a)
            close(b)
        }
        let text = try output(["/bin/ls", "/proc/self/fd"]) { spawn in
            spawn.descriptors[0] = leak
            spawn.descriptors[7] = a
        }
        // ls itself opens the directory as the next free number.
        #expect(text.split(separator: "\n").sorted() == ["0", "1", "2", "7"])
    }

    @Test func targetsMayOverlapSources() throws {
        let first = open("/etc/hostname", O_RDONLY)
        let second = open("/etc/passwd", O_RDONLY)
        defer {
            close(first)
            close(second)
        }
        let text = try output(["/bin/sh", "-c", "readlink /proc/self/fd/\(first); readlink /proc/self/fd/\(second)"]) {
            $0.descriptors[first] = second
            $0.descriptors[second] = first
        }
        #expect(text == "/etc/passwd\n/etc/hostname\n")
    }

    @Test(.enabled(if: Privileges.isRoot)) func childHasTheIdentityAskedFor() throws {
        let text = try output(["/bin/sh", "-c", "id -u; id -g; id -G; pwd; umask"]) {
            $0.identity = Spawn.Identity(uid: 1234, gid: 2345, groups: [2345, 77])
            $0.workingDirectory = "/tmp"
            $0.fileMask = 0o027
        }
        #expect(text == "1234\n2345\n2345 77\n/tmp\n0027\n")
    }

    @Test func failureInTheChildIsReportedWithItsStep() throws {
        #expect(throws: SystemError("exec", path: "/nonexistent", errno: ENOENT)) {
            _ = try Spawn(executable: "/nonexistent", arguments: ["x"]).start()
        }
        #expect(throws: SystemError("chdir", path: "/bin/true", errno: ENOENT)) {
            var spawn = Spawn(executable: "/bin/true", arguments: ["x"])
            spawn.workingDirectory = "/nonexistent"
            _ = try spawn.start()
        }
    }

    @Test func descriptorsTravelOverSockets() throws {
        let (left, right) = try Descriptors.socketPair(.sequentialPackets)
        let file = open("/etc/passwd", O_RDONLY)
        try Descriptors.send([1, 2, 3], descriptors: [file], over: left)
        close(file)
        let message = try Descriptors.receive(from: right)
        #expect(message.bytes == [1, 2, 3])
        #expect(message.descriptors.count == 1)
        #expect(Files.readLink("/proc/self/fd/\(message.descriptors[0])") == "/etc/passwd")
        Descriptors.close(message.descriptors[0])
        Descriptors.close(left)
        #expect(try Descriptors.receive(from: right).bytes.isEmpty)
        Descriptors.close(right)
    }
}
