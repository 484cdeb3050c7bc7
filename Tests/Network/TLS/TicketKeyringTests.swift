import Synchronization
import Testing

@testable import TLS

@Suite struct TicketKeyringTests {
    private final class Clock: Sendable {
        let seconds = Atomic<Int>(0)
        var now: @Sendable () -> Int { { self.seconds.load(ordering: .relaxed) } }
    }

    private let clock = Clock()

    @Test func processesThatStartAtDifferentTimesAgree() {
        clock.seconds.store(10_000, ordering: .relaxed)
        var secret = TicketKeyring.Secret.random(period: 3600, now: 10_000)
        let first = TicketKeyring(secret, now: clock.now)
        clock.seconds.store(50_000, ordering: .relaxed)
        secret.advance(now: 50_000)
        let second = TicketKeyring(secret, now: clock.now)
        #expect(first.current.name == second.current.name)
        #expect(first.current.cipher == second.current.cipher)
        #expect(first.current.mac == second.current.mac)
        #expect(first.current.cipher.count == 32 && first.current.name.count == 16)
    }

    @Test func aKeyReadsTicketsForOnePeriodMore() {
        clock.seconds.store(3600, ordering: .relaxed)
        let keyring = TicketKeyring(.random(period: 3600, now: 3600), now: clock.now)
        let name = keyring.current.name
        #expect(keyring.keys(named: name)?.isOld == false)
        clock.seconds.store(7200, ordering: .relaxed)
        #expect(keyring.keys(named: name)?.isOld == true)
        #expect(keyring.current.name != name)
        clock.seconds.store(10_800, ordering: .relaxed)
        #expect(keyring.keys(named: name) == nil)
    }

    @Test func theSecretOfOldPeriodsIsGone() {
        var secret = TicketKeyring.Secret.random(period: 60, now: 600)
        let old = secret
        secret.advance(now: 660)
        #expect(secret.bytes != old.bytes)
        #expect(secret.number == old.number + 1)
        // Nothing to forget within the period.
        let same = secret
        secret.advance(now: 719)
        #expect(secret == same)
    }
}
