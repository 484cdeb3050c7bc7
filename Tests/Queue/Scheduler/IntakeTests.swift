import Testing

@testable import Queue

struct IntakeTests {
    @Test func newMailAndBacklogTakeTurns() {
        var intake = Intake()
        intake.wantScan(.deferred)
        #expect(intake.next(room: 10) == .scan(.deferred, restart: true, ignoreTimes: false))
        intake.scanned(.deferred, names: ["D1", "D2", "D3"], atEnd: true)
        for id in ["N1", "N2"] { intake.arrived(id) }
        guard case .open(let names) = intake.next(room: 4) else {
            Issue.record("nothing to open")
            return
        }
        #expect(names.map(\.id) == ["N1", "D1", "N2", "D2"])
        #expect(intake.next(room: 0) == .idle)
    }

    @Test func aLostNotificationIsMadeGoodByAScan() {
        var intake = Intake()
        for index in 0..<(Intake.notificationLimit + 1) { intake.arrived("N\(index)") }
        #expect(intake.next(room: 1) == .scan(.incoming, restart: true, ignoreTimes: false))
    }

    @Test func ignoringTimesConcernsTheNextScan() {
        var intake = Intake()
        intake.wantScan(.deferred)
        _ = intake.next(room: 1)
        intake.wantScan(.deferred, ignoreTimes: true)
        intake.scanned(.deferred, names: [], atEnd: true)
        #expect(intake.next(room: 1) == .scan(.deferred, restart: true, ignoreTimes: true))
    }

    /// A million deferred files: names pass through in pieces, never more than a few hundred are held.
    @Test func aMillionDeferredFiles() {
        var intake = Intake()
        intake.wantScan(.deferred)
        var stored = 0
        var opened = 0
        loop: while true {
            switch intake.next(room: 500) {
            case .scan(let source, _, _):
                let count = min(256, 1_000_000 - stored)
                intake.scanned(source, names: (stored..<stored + count).map { "D\($0)" }, atEnd: count < 256)
                stored += count
            case .open(let names): opened += names.count
            case .idle: break loop
            }
        }
        #expect(opened == 1_000_000)
    }
}
