import Glibc
import MailSystem
import Testing

@testable import Simulation

/// What the simulated disk keeps.
struct DiskTests {
    private let world = World(seed: 1)

    private func disk(_ order: MetadataOrder) -> (SimulatedDisk, SimulatedStore) {
        let disk = SimulatedDisk(world, name: "test", order: order)
        disk.prepareDirectory("a")
        disk.prepareDirectory("b")
        return (disk, SimulatedStore(disk: disk, process: SimulatedProcess(world, kind: "test", number: 1)))
    }

    private func afterPowerLoss(_ disk: SimulatedDisk, _ seed: UInt64) -> [String: [UInt8]] {
        var random = Randomness(seed)
        disk.losePower(&random)
        return Dictionary(uniqueKeysWithValues: disk.files.map { ($0.path, $0.inode.bytes) })
    }

    @Test(arguments: [MetadataOrder.journal, .promised]) func whatIsSynchronizedStays(_ order: MetadataOrder) throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let (disk, store) = disk(order)
            let file = try store.create("a/x", permissions: 0o600)
            try store.rename("a/x", to: "a/y")
            try file.write([1, 2, 3], at: 0)
            try file.setPermissions(0o700)
            try file.synchronize()
            try file.write([9, 9, 9], at: 0)
            let found = afterPowerLoss(disk, seed)
            #expect(found.keys.sorted() == ["a/y"])
            #expect(found["a/y"]?.count == 3)
            #expect(disk.find("a/y")?.mode == 0o700)
        }
    }

    @Test(arguments: [MetadataOrder.journal, .promised]) func theRestMayGo(_ order: MetadataOrder) throws {
        var seen: Set<[String]> = []
        for seed in 1...200 as ClosedRange<UInt64> {
            let (disk, store) = disk(order)
            for name in ["a/x", "a/y"] { try store.create(name, permissions: 0o600).synchronize() }
            try store.rename("a/x", to: "b/x")
            try store.rename("a/y", to: "b/y")
            seen.insert(afterPowerLoss(disk, seed).keys.sorted())
        }
        // A rename is never seen half done; in a journal the first one comes first.
        var expected: Set<[String]> = [["a/x", "a/y"], ["a/y", "b/x"], ["b/x", "b/y"]]
        if order == .promised { expected.insert(["a/x", "b/y"]) }
        #expect(seen == expected)
    }

    @Test func afterAFailedSynchronizationTheNextOneSavesNothing() throws {
        let (disk, store) = disk(.journal)
        let file = try store.create("a/x", permissions: 0o600)
        try file.synchronize()
        try file.write([1, 2, 3], at: 0)
        disk.fault = { operation, _, _ in operation == .synchronize ? EIO : nil }
        #expect(throws: SystemError.self) { try file.synchronize() }
        disk.fault = nil
        try file.synchronize()
        #expect(afterPowerLoss(disk, 1)["a/x"] == [])
    }

    @Test func deadProcessesChangeNothing() throws {
        let disk = SimulatedDisk(world, name: "test", order: .journal)
        let process = SimulatedProcess(world, kind: "test", number: 1)
        let store = SimulatedStore(disk: disk, process: process)
        let file = try store.create("x", permissions: 0o600)
        #expect(try file.tryLock(exclusive: true))
        process.end()
        #expect(throws: SystemError.self) { try file.write([1], at: 0) }
        #expect(disk.find("x")?.bytes.isEmpty == true)
        #expect(disk.find("x")?.exclusiveHolder == nil)
    }
}
