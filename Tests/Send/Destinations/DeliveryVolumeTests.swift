import Testing

@testable import Send

@Suite struct DeliveryVolumeTests {
    private let second: UInt64 = 1_000_000_000

    @Test func twentyInASecondAreManyAndKeepBeingSo() {
        var volume = DeliveryVolume<String>()
        let step = second / 25
        var now: UInt64 = 5
        for _ in 1..<20 {
            let isMany = volume.record("a", now: now)
            #expect(!isMany)
            now += step
        }
        for _ in 0..<100 {
            let isMany = volume.record("a", now: now)
            #expect(isMany)
            now += step
        }
        // Another destination has its own count, and a rest ends the rush.
        let isOtherMany = volume.record("b", now: now)
        let isManyLater = volume.record("a", now: now + 3 * second)
        #expect(!isOtherMany && !isManyLater)
    }

    @Test func tenInASecondAreNotMany() {
        var volume = DeliveryVolume<String>()
        for number in 0..<1000 {
            let isMany = volume.record("a", now: UInt64(number) * second / 10)
            #expect(!isMany)
        }
    }

    @Test func remembersALimitedNumber() {
        var volume = DeliveryVolume<Int>(limit: 100)
        for number in 0..<10_000 {
            let isMany = volume.record(number, now: UInt64(number))
            #expect(!isMany)
        }
        for _ in 1..<20 { _ = volume.record(1, now: second) }
        let isMany = volume.record(1, now: second + 1)
        #expect(isMany)
    }
}
