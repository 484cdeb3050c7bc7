import MailSystem
import Spool
import TestSupport
import Testing

@testable import Queue

struct FlushListTests {
    @Test(arguments: [
        ("Example.COM", "example_com"), ("[192.0.2.1]", "192_0_2_1"), ("a-b.example", "a_b_example"), ("", nil),
    ])
    func siteNames(site: String, name: String?) { #expect(FlushList.name(of: site)?.text == name) }

    @Test func deferredMailOfASiteIsReleased() throws {
        let bench = ManagerBench(answer: delivered)
        let list = FlushList(directory: bench.directory)
        let site = try #require(FlushList.name(of: "example.com"))
        let ids = try (0..<3).map { _ in try bench.write(["x@example.com"], queue: "deferred") }
        for id in ids { try list.add(id, to: site) }
        try list.add(ids[2], to: site)
        let other = try bench.write(["x@example.net"], queue: "deferred")
        #expect(try list.send(site, now: bench.clock.now()) == 3)
        #expect(bench.store.paths.filter { $0.hasPrefix("incoming/") }.count == 3)
        #expect(bench.location(other) == "deferred")
        #expect(try list.send(site, now: bench.clock.now()) == 0)
        let status = try bench.directory.status(queue: "incoming", id: ids[0])
        #expect(status.asksForUnthrottle)
    }

    @Test func refreshSendsOldListsAndDropsEmptyOnes() throws {
        let bench = ManagerBench(answer: delivered)
        let list = FlushList(directory: bench.directory)
        let site = try #require(FlushList.name(of: "example.com"))
        let id = try bench.write(["x@example.com"], queue: "deferred")
        try list.add(id, to: site)
        let now = bench.clock.now()
        #expect(try list.refresh(now: now, refreshTime: 100, purgeTime: 1000) == 0)
        #expect(try list.refresh(now: now.adding(seconds: 200), refreshTime: 100, purgeTime: 1000) == 1)
        _ = try list.refresh(now: now.adding(seconds: 2000), refreshTime: 100, purgeTime: 1000)
        #expect(bench.store.paths.filter { $0.hasPrefix("flush/") }.isEmpty)
    }
}
