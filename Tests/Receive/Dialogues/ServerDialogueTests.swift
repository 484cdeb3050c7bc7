import Testing

@testable import Receive

@Suite("SMTP dialogues")
struct ServerDialogueTests {
    @Test("Apus answers as the script says", arguments: ServerDialogue.names)
    func apus(_ name: String) async throws {
        let dialogue = try ServerDialogue.named(name)
        let server = try await TestServer(dialogue.parameters)
        let port = server.port
        let differences = try await offPool { try dialogue.play(port: port) }
        #expect(differences == [])
        await server.close()
    }

    @Test("a message arrives with its envelope, its dots and a Received: header")
    func message() async throws {
        let server = try await TestServer()
        let port = server.port
        let script = ServerDialogue(
            """
            S: 220 mail.example.com ESMTP Postfix
            C: EHLO client.test
            S: 250-mail.example.com
            S: 250-PIPELINING
            S: 250-SIZE 10240000
            S: 250-VRFY
            S: 250-ETRN
            S: 250-ENHANCEDSTATUSCODES
            S: 250-8BITMIME
            S: 250-DSN
            S: 250-SMTPUTF8
            S: 250 CHUNKING
            C: MAIL FROM:<a@b.test> BODY=8BITMIME RET=HDRS ENVID=q+2B1\\r\\nRCPT TO:<foo@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+40y.test\\r\\nDATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 End data with <CR><LF>.<CR><LF>
            C: Subject: s\\r\\n\\r\\n..dot\\r\\nlast\\r\\n.
            S: 250 2.0.0 Ok: queued as TEST1
            C: QUIT
            S: 221 2.0.0 Bye
            S: EOF
            """)
        let differences = try await offPool { try script.play(port: port) }
        #expect(differences == [])
        let message = try #require(server.intake.messages.withLock { $0.first })
        #expect(message.envelope.sender == "a@b.test")
        #expect(message.envelope.encoding == "8bit")
        #expect(message.envelope.returnPart == "HDRS")
        #expect(message.envelope.envelopeID == "q+1")
        #expect(
            message.recipients == [
                MessageRecipient(
                    address: "foo@example.com", notify: 10, original: "rfc822;x@y.test", typed: "foo@example.com")
            ])
        #expect(
            message.text.hasPrefix(
                "Received: from client.test (unknown [127.0.0.1])\n\tby mail.example.com (Postfix) with ESMTP id TEST1\n"
                    + "\tfor <foo@example.com>; "))
        #expect(message.text.hasSuffix("\nSubject: s\n\n.dot\nlast\n"))
        await server.close()
        let lines = server.log.records.map(\.text)
        #expect(lines.contains("TEST1: client=unknown[127.0.0.1]"))
        #expect(lines.last == "disconnect from unknown[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5")
    }

    @Test("a client past the process limit is greeted when another one has left, even if accepted before")
    func processLimit() async throws {
        var clients: [LoopbackClient] = []
        let server = try await TestServer(sessionLimit: 1) { port in
            for _ in 1...3 { clients.append(try LoopbackClient(port: port)) }
        }
        // By one thread at a time.
        nonisolated(unsafe) let waiting = clients
        let heard = try await offPool {
            var heard: [String] = []
            for (index, client) in waiting.enumerated() {
                heard.append(client.line() ?? "nothing")
                for other in waiting[(index + 1)...] where other.hearsSomething(within: 200) {
                    heard.append("client \(index + 1) was not the only one")
                }
                client.send("QUIT\r\n")
                heard.append(client.line() ?? "nothing")
            }
            return heard
        }
        let dialogue = ["220 mail.example.com ESMTP Postfix", "221 2.0.0 Bye"]
        #expect(heard == dialogue + dialogue + dialogue)
        await server.close()
    }
}

/// Runs blocking code off the cooperative pool.
func offPool<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        BlockingThread.run { continuation.resume(with: Result { try body() }) }
    }
}
