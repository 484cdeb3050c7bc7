import Glibc
import MailSystem
import Testing

@testable import Simulation

/// The simulator itself: that it repeats, and that it sees. One after the other: each waits for a program and holds a thread that
/// other tests need.
@Suite(.serialized) struct SimulationTests {
    /// The program beside the tests, with a process of its own: the order of sets must be the same in each run.
    private func simulate(_ arguments: String...) throws -> (status: ProcessStatus?, output: String) {
        let own = try #require(Files.ownExecutable)
        let program = own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/simulate"
        let (reading, writing) = try Descriptors.pipe()
        defer { Descriptors.close(reading) }
        let pid: pid_t
        do {
            defer { Descriptors.close(writing) }
            pid = try Spawn(
                executable: String(program), arguments: ["simulate"] + arguments,
                environment: ProcessEnvironment.all, descriptors: [1: writing, 2: writing]
            ).start()
        }
        var output: [UInt8] = []
        while true {
            let bytes = try Descriptors.read(reading, count: 65536)
            if bytes.isEmpty { break }
            output += bytes
        }
        return (ProcessStatus.wait(for: pid), String(decoding: output, as: UTF8.self))
    }

    @Test func aSeedReplaysExactly() throws {
        for seed in ["3", "17", "40"] {
            let (first, second) = (try simulate("--trace", seed), try simulate("--trace", seed))
            #expect(first.output.contains("trace hash"))
            #expect(first.output == second.output)
        }
    }

    @Test func differentSeedsDiffer() throws {
        #expect(try simulate("--trace", "1").output != simulate("--trace", "2").output)
    }

    /// Peers that give up TLS or passwords without a word would leave both untested.
    @Test func peersSpeakTLSAndSayPasswords() throws {
        var seen: Set<String> = []
        let wanted = [
            "postfix/smtpd: Anonymous TLS connection established", "postfix/smtp: Untrusted TLS connection established",
            "starttls=1 auth=1 mail=", "status=sent (delivered via robot service", "status=sent (delivered to command",
            "postfix/local: ", "status=sent (delivered to maildir)", "postmaster non-delivery notification",
        ]
        for seed in 1...40 where seen.count < wanted.count {
            let output = try simulate("--trace", "\(seed)").output
            for text in wanted where output.contains(text) { seen.insert(text) }
        }
        #expect(seen == Set(wanted))
    }

    @Test func someSeedsPass() throws {
        let (status, output) = try simulate("--jobs", "1", "20")
        #expect(output.contains("20 passed, 0 failed"), "\(output)")
        #expect(status == .exited(0))
    }

    /// The simulator must see that mail gets lost when fsync(2) does nothing.
    @Test func aDiskThatForgetsIsFound() throws {
        let (status, output) = try simulate("--forgetful", "--jobs", "1", "200")
        #expect(status == .exited(1))
        #expect(output.contains("is lost"), "\(output)")
    }
}
