import Glibc
import NIOCore
import NIOEmbedded
import TLS
import Testing

/// Two handlers talk to each other over embedded channels.
@Suite final class HandshakeTests {
    private let directory = "/tmp/apus-tls-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var established: TLSSessionInfo?
        var failure: TLSFailure?
        var received = ByteBuffer()

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            received.writeBuffer(&bytes)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case TLSEvent.established(let info): established = info
            case TLSEvent.failed(let reason): failure = reason
            default: break
            }
        }
    }

    private struct End {
        let channel: EmbeddedChannel
        let recorder: Recorder

        init(_ handler: TLSHandler) throws {
            recorder = Recorder()
            channel = EmbeddedChannel()
            try channel.pipeline.syncOperations.addHandlers([handler, recorder])
            try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
        }
    }

    private func makeCertificate() throws -> String {
        mkdir(directory, 0o700)
        let file = "\(directory)/both.pem"
        let command =
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test.example -keyout \(file) -out \(file).c "
            + "2>/dev/null && cat \(file).c >> \(file)"
        try #require(system(command) == 0)
        return file
    }

    deinit { _ = system("rm -rf \(directory)") }

    private func pump(_ a: End, _ b: End) throws {
        var moved = true
        while moved {
            moved = false
            while let bytes = try a.channel.readOutbound(as: ByteBuffer.self) {
                try b.channel.writeInbound(bytes)
                moved = true
            }
            while let bytes = try b.channel.readOutbound(as: ByteBuffer.self) {
                try a.channel.writeInbound(bytes)
                moved = true
            }
        }
    }

    private func server(_ protocols: String = ">=TLSv1") throws -> TLSContext {
        var settings = TLSSettings(role: .server)
        settings.chainFiles = [try makeCertificate()]
        settings.protocols = protocols
        return try TLSContext(settings)
    }

    @Test func dataArrivesInBothDirectionsAndTheSummaryNamesTheParts() throws {
        let client = try End(TLSHandler(context: TLSContext(TLSSettings(role: .client))))
        let serverEnd = try End(TLSHandler(context: server()))
        // Written before the handshake is over: must wait for it.
        client.channel.writeAndFlush(ByteBuffer(string: "EHLO x\r\n"), promise: nil)
        try pump(client, serverEnd)
        let info = try #require(serverEnd.recorder.established)
        #expect(
            info.logSummary(peer: "unknown[192.0.2.1]")
                == "Anonymous TLS connection established from unknown[192.0.2.1]: TLSv1.3 with cipher "
                + "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) "
                + "server-digest SHA256")
        #expect(
            info.receivedComment == [
                "(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
                " key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)",
                "(No client certificate requested)",
            ])
        let seen = try #require(client.recorder.established)
        #expect(
            seen.logSummary(peer: "mx[192.0.2.2]:25").hasPrefix(
                "Untrusted TLS connection established to mx[192.0.2.2]:25: "))
        #expect(serverEnd.recorder.received == ByteBuffer(string: "EHLO x\r\n"))

        let large = ByteBuffer(repeating: 0x61, count: 300_000)
        serverEnd.channel.writeAndFlush(large, promise: nil)
        try pump(client, serverEnd)
        #expect(client.recorder.received == large)
    }

    @Test func tls12IsSummedUpInTheCipherName() throws {
        var settings = TLSSettings(role: .client)
        // Without this two Postfix-like peers agree on an anonymous cipher.
        settings.cipherList += ":!aNULL"
        let client = try End(TLSHandler(context: TLSContext(settings)))
        let serverEnd = try End(TLSHandler(context: server("TLSv1.2")))
        try pump(client, serverEnd)
        let info = try #require(serverEnd.recorder.established)
        #expect(
            info.logSummary(peer: "x[192.0.2.1]")
                == "Anonymous TLS connection established from x[192.0.2.1]: TLSv1.2 with cipher "
                + "ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)")
    }

    private func look(
        _ server: TLSContext, names: [String] = [], dane: DANEPolicy? = nil, anchors: [String] = []
    ) throws -> TLSSessionInfo {
        var settings = TLSSettings(role: .client)
        settings.collectsChain = true
        settings.trustAnchorFiles = anchors
        let client = try End(TLSHandler(context: TLSContext(settings), verifying: names, dane: dane))
        let serverEnd = try End(TLSHandler(context: server))
        try pump(client, serverEnd)
        return try #require(client.recorder.established)
    }

    /// RFC 7672 §3.1: `3 1 1` is enough by itself, whatever the name; a record for another key is not.
    @Test func tlsaRecordsVouchForAServer() throws {
        let context = try server()
        let plain = try look(context)
        let fingerprint = try #require(plain.peerCertificate?.publicKeyFingerprint)
        #expect(plain.chain?.certificates.first?.subject == "/CN=test.example")
        #expect(plain.daneMatch == nil)
        let digest = fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
        let record = TLSARecord(usage: 3, selector: 1, matching: 1, data: digest)
        let good = try look(context, dane: DANEPolicy(baseDomain: "other.example", records: [record]))
        #expect(good.peerCertificate?.isVerified == true)
        #expect(good.daneMatch?.record == record)
        #expect(good.daneMatch?.depth == 0)
        var wrong = record
        wrong.data[0] ^= 1
        let bad = try look(context, dane: DANEPolicy(baseDomain: "other.example", records: [wrong]))
        #expect(bad.peerCertificate?.isVerified == false)
        #expect(bad.daneMatch == nil)
        #expect(bad.chain?.errorCode != 0)
    }

    @Test func trustAnchorsAndNamesAreProved() throws {
        let context = try server()
        let anchor = "\(directory)/both.pem.c"
        let good = try look(context, names: ["test.example"], anchors: [anchor])
        #expect(good.peerCertificate?.isVerified == true)
        #expect(good.chain?.matchedName == "test.example")
        #expect(good.chain?.anchorDepth == 0)
        let other = try look(context, names: ["other.example"], anchors: [anchor])
        #expect(other.peerCertificate?.isVerified == false)
        #expect(other.chain?.errorText == "hostname mismatch")
        let unknown = try look(context, names: ["test.example"])
        #expect(unknown.peerCertificate?.isVerified == false)
        #expect(throws: TLSConfigurationError.self) {
            var settings = TLSSettings(role: .client)
            settings.trustAnchorFiles = ["/nonexistent"]
            _ = try TLSContext(settings)
        }
    }

    /// Many servers close without a close_notify: that must not cost the session.
    @Test func aSessionSurvivesAnAbruptClose() throws {
        var settings = TLSSettings(role: .client)
        settings.cachesSessions = true
        let context = try TLSContext(settings)
        let serverContext = try server()
        for attempt in 0..<2 {
            let client = try End(TLSHandler(context: context, sessionKey: "mx:25"))
            let serverEnd = try End(TLSHandler(context: serverContext))
            try pump(client, serverEnd)
            serverEnd.channel.writeAndFlush(ByteBuffer(string: "250 ok\r\n"), promise: nil)
            try pump(client, serverEnd)
            #expect(client.recorder.established?.isResumed == (attempt == 1))
            client.channel.pipeline.fireChannelInactive()
            _ = try? client.channel.finish()
        }
    }

    /// As Debian's smtp client logs a second connection: the key is named, no signature was made.
    @Test func aClientResumesItsSession() throws {
        var settings = TLSSettings(role: .client)
        settings.cachesSessions = true
        let context = try TLSContext(settings)
        let serverContext = try server()
        var lines: [String] = []
        for _ in 0..<2 {
            let client = try End(TLSHandler(context: context, sessionKey: "mx:25"))
            let serverEnd = try End(TLSHandler(context: serverContext))
            try pump(client, serverEnd)
            // The ticket comes with the first data.
            serverEnd.channel.writeAndFlush(ByteBuffer(string: "250 ok\r\n"), promise: nil)
            try pump(client, serverEnd)
            let info = try #require(client.recorder.established)
            #expect(info.isResumed == !lines.isEmpty)
            lines.append(info.logSummary(peer: "mx[192.0.2.2]:25"))
        }
        #expect(lines[0] == lines[1] + " server-digest SHA256")
    }

    /// Two generations of a server with the same ticket keys, and one with others.
    @Test(arguments: ["TLSv1.2", "TLSv1.3"])
    func ticketsOutliveTheServersContext(version: String) throws {
        var settings = TLSSettings(role: .client)
        settings.cachesSessions = true
        settings.cipherList += ":!aNULL"
        let client = try TLSContext(settings)
        var serverSettings = TLSSettings(role: .server)
        serverSettings.chainFiles = [try makeCertificate()]
        serverSettings.protocols = version
        let secret = TicketKeyring.Secret.random(period: 3600, now: 7200)
        func connect(_ secret: TicketKeyring.Secret, ticketCipher: String = "aes-256-cbc") throws -> Bool {
            var settings = serverSettings
            settings.ticketCipher = ticketCipher
            let server = try TLSContext(settings, ticketKeys: TicketKeyring(secret, now: { 7200 }))
            let clientEnd = try End(TLSHandler(context: client, sessionKey: "mx:25"))
            let serverEnd = try End(TLSHandler(context: server))
            try pump(clientEnd, serverEnd)
            serverEnd.channel.writeAndFlush(ByteBuffer(string: "250 ok\r\n"), promise: nil)
            try pump(clientEnd, serverEnd)
            return try #require(serverEnd.recorder.established).isResumed
        }
        #expect(try !connect(secret))
        #expect(try connect(secret))
        #expect(try !connect(.random(period: 3600, now: 7200)))
        // No tickets without a cipher for them, nor with one that postconf(5) does not allow.
        #expect(try !connect(secret, ticketCipher: ""))
        #expect(try !connect(secret, ticketCipher: "aes-256-gcm"))
    }

    @Test func aSessionOlderThanItsTimeIsNotResumed() throws {
        var settings = TLSSettings(role: .client)
        settings.cachesSessions = true
        settings.sessionTimeout = 120
        let context = try TLSContext(settings)
        let serverContext = try server()
        func connect(lifetime: Int) throws -> Bool {
            let client = try End(TLSHandler(context: context, sessionKey: "mx:25", sessionLifetime: lifetime))
            let serverEnd = try End(TLSHandler(context: serverContext))
            try pump(client, serverEnd)
            serverEnd.channel.writeAndFlush(ByteBuffer(string: "250 ok\r\n"), promise: nil)
            try pump(client, serverEnd)
            return try #require(client.recorder.established).isResumed
        }
        #expect(try !connect(lifetime: 120))
        #expect(try connect(lifetime: 120))
        #expect(try !connect(lifetime: -1))
    }

    @Test func garbageFailsTheHandshakeAndClosesTheChannel() throws {
        let end = try End(TLSHandler(context: server()))
        try end.channel.writeInbound(ByteBuffer(string: "EHLO i.am.not.tls\r\n"))
        let failure = try #require(end.recorder.failure)
        #expect(failure.logSummary(role: .server, peer: "u[192.0.2.1]") == "SSL_accept error from u[192.0.2.1]: -1")
        #expect(
            failure.warnings.first?.hasPrefix("TLS library problem: error:0A00010B:SSL routines::wrong version number:")
                == true)
        #expect(!end.channel.isActive)
    }

    @Test func aPeerThatVanishesAndOneThatSaysNothing() throws {
        let context = try server()
        let gone = try End(TLSHandler(context: context))
        try gone.channel.close().wait()
        #expect(gone.recorder.failure == nil || gone.recorder.failure?.kind == .lostConnection)
        let silent = try End(TLSHandler(context: context, handshakeTimeout: .seconds(10)))
        silent.channel.embeddedEventLoop.advanceTime(by: .seconds(11))
        #expect(silent.recorder.failure?.kind == .timedOut)
    }

    @Test func closingSendsCloseNotifyWhichEndsThePeer() throws {
        let client = try End(TLSHandler(context: TLSContext(TLSSettings(role: .client))))
        let serverEnd = try End(TLSHandler(context: server()))
        try pump(client, serverEnd)
        client.channel.close(promise: nil)
        try pump(client, serverEnd)
        #expect(serverEnd.recorder.failure == nil)
        #expect(!serverEnd.channel.isActive)
    }

    @Test func aMissingKeyIsAnErrorInWords() {
        var settings = TLSSettings(role: .server)
        settings.keyPairs = [.init(kind: "RSA", certificateFile: "/nonexistent.pem", keyFile: "/nonexistent.pem")]
        #expect {
            _ = try TLSContext(settings)
        } throws: { error in
            (error as? TLSConfigurationError)?.warnings.first
                == "cannot get RSA certificate from file \"/nonexistent.pem\": disabling TLS support"
        }
    }
}
