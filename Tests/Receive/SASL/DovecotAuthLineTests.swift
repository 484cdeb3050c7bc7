import Testing

@testable import Receive

@Suite struct DovecotAuthLineTests {
    @Test(arguments: [
        ("VERSION\t1\t2", DovecotAuthLine.version(major: 1)),
        (
            "MECH\tPLAIN\tplaintext",
            .mechanism(SASLMechanism(name: "PLAIN", properties: .plaintext), isPrivate: false)
        ),
        (
            "MECH\tEXTERNAL\tprivate\tforward-secrecy",
            .mechanism(SASLMechanism(name: "EXTERNAL", properties: .forwardSecrecy), isPrivate: true)
        ),
        ("SPID\t42", .serverProcess), ("DONE", .done), ("COOKIE\tabc", .other),
        ("CONT\t7\tZm9v", .challenge(id: 7, "Zm9v")), ("CONT\t7", .challenge(id: 7, "")),
        ("OK\t1\tuser=foo@example.com\tx=y", .success(id: 1, username: "foo@example.com")),
        ("OK\t1", .success(id: 1, username: nil)),
        ("FAIL\t9\tuser=a\treason=no way", .failure(id: 9, reason: "no way", username: "a")),
        ("FAIL\t9\tuser=a\tauthz", .failure(id: 9, reason: nil, username: "a")),
    ])
    func `reads what Dovecot sends`(line: String, expected: DovecotAuthLine) {
        #expect(DovecotAuthLine(line) == expected)
    }

    @Test(arguments: ["CONT\tx\tZm9v", "OK", "FAIL\t-1", "VERSION\t1", "MECH", "OK\t99999999999"])
    func `refuses what no server sends`(line: String) { #expect(DovecotAuthLine(line) == nil) }

    @Test func `writes the response last and marks encrypted sessions`() {
        let peer = SASLPeer(clientAddress: "198.51.100.10", serverAddress: "192.0.2.1", secured: true)
        #expect(
            DovecotAuthLine.request(id: 3, mechanism: "PLAIN", service: "smtp", peer: peer, initialResponse: "AGEAYg==")
                == "AUTH\t3\tPLAIN\tservice=smtp\tnologin\tlip=192.0.2.1\trip=198.51.100.10\tsecured\tresp=AGEAYg==\n")
    }
}
