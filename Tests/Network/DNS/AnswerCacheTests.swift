import MailSyntax
import Testing

@testable import DNS

@Suite struct AnswerCacheTests {
    private let answer = DNSAnswer.records([DNSRecord(data: .name("mx.example"), timeToLive: 10)], secure: false)

    @Test func anAnswerIsGoodForItsTime() {
        var cache = AnswerCache()
        cache.keep(answer, for: "1.2.0.192.in-addr.arpa", .ptr, timeToLive: 10, at: 100)
        #expect(cache.answer("1.2.0.192.in-addr.arpa", .ptr, at: 109) == answer)
        #expect(cache.answer("1.2.0.192.in-addr.arpa", .ptr, at: 110) == nil)
        #expect(cache.answer("1.2.0.192.in-addr.arpa", .a, at: 105) == nil)
    }

    @Test(arguments: [DNSAnswer.noSuchDomain, .noData]) func negativeAnswersAreKeptToo(answer: DNSAnswer) {
        var cache = AnswerCache()
        cache.keep(answer, for: "x", .mx, timeToLive: 5, at: 0)
        #expect(cache.answer("x", .mx, at: 4) == answer)
    }

    @Test(arguments: [DNSAnswer.temporaryFailure("no"), .malformed("bad")]) func failuresAreAskedAgain(
        answer: DNSAnswer
    ) {
        var cache = AnswerCache()
        cache.keep(answer, for: "x", .mx, timeToLive: 5, at: 0)
        #expect(cache.answer("x", .mx, at: 0) == nil)
    }

    @Test func anAnswerWithoutTimeIsNotKept() {
        var cache = AnswerCache()
        cache.keep(answer, for: "x", .ptr, timeToLive: 0, at: 0)
        #expect(cache.answer("x", .ptr, at: 0) == nil)
    }

    @Test func itStaysSmall() {
        var cache = AnswerCache(limit: 10)
        for number in 0..<1000 { cache.keep(answer, for: "\(number)", .ptr, timeToLive: 100, at: number / 10) }
        let held = (0..<1000).count { cache.answer("\($0)", .ptr, at: 99) != nil }
        #expect(held <= 10 && held > 0)
        #expect(cache.answer("999", .ptr, at: 99) == answer)
    }
}
