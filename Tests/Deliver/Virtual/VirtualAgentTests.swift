import Glibc
import Lookup
import MailSystem
import Testing

@testable import Deliver

@Suite struct VirtualAgentTests {
    private let uid = Privileges.isRoot ? 1234 : Int(geteuid())
    private let gid = Privileges.isRoot ? 2345 : Int(getegid())

    private func agent(_ fixture: DeliveryFixture, _ values: [String: String] = [:]) throws -> VirtualAgent {
        let maps =
            "inline:{ {box@v.test=box} {dir@v.test=sub/dir/} {@all.test=all/} {low@v.test=low/} {big@v.test=big} }"
        let context = try fixture.context(
            "virtual unix - n n - - virtual",
            [
                "virtual_mailbox_base": "\(fixture.root)/vmail", "virtual_mailbox_maps": maps,
                "virtual_uid_maps": "inline:{ {low@v.test=5} {@v.test=\(uid)} {@all.test=\(uid)} }",
                "virtual_gid_maps": "static:\(gid)", "virtual_minimum_uid": "100",
                "virtual_mailbox_lock": "fcntl, dotlock",
            ].merging(values) { $1 })
        return VirtualAgent(context, opener: TableOpener(parameters: context.parameters, log: context.log))
    }

    private func files(_ path: String) throws -> [String] {
        var names: [String] = []
        try POSIXFileStore(root: "").list(path) {
            names.append($0)
            return true
        }
        return names
    }

    @Test func maildirBelongsToItsOwnerAndHasTheMessage() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture)
        let request = try fixture.message(["Dir+x@V.test", "any@all.test"], service: "virtual")
        let report = await agent.deliver(request)
        #expect(
            report.results.map(\.reason) == [
                "delivery via virtual: delivered to maildir", "delivery via virtual: delivered to maildir",
            ])
        #expect(try fixture.marks(request) == "DD")
        let base = "\(fixture.root)/vmail/sub/dir"
        let names = try files("\(base)/new")
        #expect(names.count == 1)
        #expect(names.first?.contains(".V") == true)
        #expect(try files("\(base)/tmp").isEmpty)
        let path = "\(base)/new/\(names.first ?? "")"
        let status = try #require(Files.status(path))
        #expect(status.owner == UInt32(uid))
        #expect(status.group == UInt32(gid))
        #expect(status.permissions == 0o600)
        #expect(
            try Files.readText(path)
                == "Return-Path: <s@example.org>\nX-Original-To: Dir+x@V.test\nDelivered-To: dir+x@v.test\n"
                + DeliveryFixture.text)
    }

    @Test func mailboxTakesManyDeliveriesAtATimeWithoutMixingThem() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture)
        let requests = try (0..<20).map { _ in try fixture.message(["box@v.test"], service: "virtual") }
        await withTaskGroup(of: Void.self) { group in
            for request in requests {
                group.addTask {
                    let report = await agent.deliver(request)
                    #expect(report.results.map(\.reason) == ["delivery via virtual: delivered to mailbox"])
                }
            }
        }
        let text = try fixture.read("vmail/box")
        let messages = text.split(separator: "\n\nFrom s@example.org  ", omittingEmptySubsequences: false)
        #expect(messages.count == 20)
        #expect(text.hasSuffix("\n>From here\n.dot\nend\n\n"))
        #expect(!Files.exists("\(fixture.root)/vmail/box.lock"))
    }

    @Test func failures() async throws {
        let fixture = try DeliveryFixture()
        let agent = try agent(fixture, ["virtual_mailbox_limit": "300"])
        let request = try fixture.message(
            ["nobody@v.test", "low@v.test", "big@v.test", "big@v.test"], service: "virtual")
        let report = await agent.deliver(request)
        #expect(
            report.results.map { "\($0.status) \($0.reason)" } == [
                "5.1.1 unknown user: \"nobody@v.test\"", "4.3.5 mail system configuration error",
                "2.0.0 delivery via virtual: delivered to mailbox",
                "5.2.2 delivery failed to mailbox \(fixture.root)/vmail/big: error writing message: File too large",
            ])
        #expect(fixture.sink.contains("recipient low@v.test: bad uid 5 in virtual_uid_maps"))
        #expect(try fixture.marks(request) == "RRDR")
        // What did not fit was taken back.
        #expect(try fixture.read("vmail/big").hasSuffix("end\n\n"))
    }

    @Test func probesDeliverNothing() async throws {
        let fixture = try DeliveryFixture()
        var request = try fixture.message(["box@v.test"], service: "virtual")
        request.flags = .verifyForUser
        let report = try await agent(fixture).deliver(request)
        #expect(report.results.map(\.action) == ["deliverable"])
        #expect(!Files.exists("\(fixture.root)/vmail/box"))
    }
}
