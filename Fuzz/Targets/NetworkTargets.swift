import Glibc
import MailSyntax
import MailSystem
import NIOCore
import NIOEmbedded
import TLS

@testable import DNS
@testable import Deliver
@testable import InternalProtocol
@testable import Receive

extension FuzzTarget {
    static let dnsAnswers = FuzzTarget("dns-answers") { input in
        for type in RecordType.allCases {
            guard let data = RecordParser.parse(input, type: type) else { continue }
            switch data {
            case .name(let name), .mx(_, let name), .srv(_, _, _, let name): checkName(name)
            default: break
            }
        }
        var offset = 0
        guard let name = DomainName.parse(input, at: &offset) else { return }
        require(offset <= input.count, "the offset")
        var wire: [UInt8] = []
        for label in name.split(separator: ".") { wire += [UInt8(label.utf8.count)] + Array(label.utf8) }
        require(Array(input[..<offset]) == wire + [0], "encode(decode(x)): \(name)")
    }

    private static func checkName(_ name: String) {
        require(name.utf8.count <= 255, "RFC 1035: 255 octets")
        require(name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a name for headers and log lines")
    }

    static let dovecotAuth = FuzzTarget("dovecot-auth") { input in
        for line in input.split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard let parsed = DovecotAuthLine(String(decoding: line, as: UTF8.self)) else { continue }
            if case .success(_, let name?) = parsed { require(!name.contains("\n"), "a name") }
        }
        // What a client says reaches Dovecot as one field.
        var fields = InputReader(input)
        let mechanism = fields.text()
        let response = fields.text()
        guard Base64.decode(response) != nil, !mechanism.utf8.contains(where: { $0 <= 0x20 }) else { return }
        let line = DovecotAuthLine.request(
            id: 1, mechanism: mechanism, service: "smtp", peer: SASLPeer(clientAddress: "192.0.2.1", secured: false),
            initialResponse: response)
        require(line.utf8.filter { $0 == 0x0A }.count == 1 && line.utf8.last == 0x0A, "one line: \(line)")
        require(line.utf8.filter { $0 == 0x09 }.count == 6, "as many fields as were meant: \(line)")
    }

    /// Frames and every request of the protocol between our processes: total, and encode(decode(x)) decodes to the same.
    static let internalProtocol = FuzzTarget("internal-protocol") { input in
        var buffer = ByteBuffer(bytes: input)
        while let frame = try? Frame.read(from: &buffer) {
            roundTrip(DeliveryRequest.self, frame.payload)
            roundTrip(DeliveryReport.self, frame.payload)
            roundTrip(AnvilRequest.self, frame.payload)
            roundTrip(MessageArrived.self, frame.payload)
            roundTrip(FlushRequest.self, frame.payload)
            roundTrip(FlowRequest.self, frame.payload)
            roundTrip(ForwardRequest.self, frame.payload)
            roundTrip(SystemDatabaseRequest.self, frame.payload)
            roundTrip(ProxyLookupRequest.self, frame.payload)
            roundTrip(LookupReply.self, frame.payload)
            roundTrip(StartOrder.self, frame.payload)
            roundTrip(ProcessReport.self, frame.payload)
            roundTrip(ProcessOrder.self, frame.payload)
            roundTrip(MailboxJob.self, frame.payload)
            var written = ByteBuffer()
            frame.write(to: &written)
            require((try? Frame.read(from: &written)) == frame, "a frame")
        }
    }

    private static func roundTrip<T: WireCodable>(_ type: T.Type, _ payload: ByteBuffer) {
        var reader = WireReader(payload)
        guard let value = try? T(from: &reader) else { return }
        var writer = WireWriter()
        value.encode(into: &writer)
        var second = WireReader(writer.buffer)
        guard let again = try? T(from: &second) else { fatalError("\(type): what was encoded does not decode") }
        var other = WireWriter()
        again.encode(into: &other)
        require(writer.buffer == other.buffer, "\(type): encode(decode(x))")
    }

    /// Bytes of a peer before, in and after the handshake.
    static let tls = FuzzTarget("tls") { input in
        guard let seed = input.first else { return }
        for role in [TLSSettings.Role.server, .client] {
            guard let context = role == .server ? serverContext : clientContext,
                let handler = try? TLSHandler(context: context)
            else { fatalError("no TLS") }
            let channel = EmbeddedChannel()
            try? channel.pipeline.syncOperations.addHandler(handler)
            _ = try? channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
            for piece in pieces(Array(input.dropFirst()), seed: seed) {
                _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
                require((try? channel.readInbound(as: ByteBuffer.self)) == .some(nil), "no plaintext without keys")
            }
            _ = try? channel.finish(acceptAlreadyClosed: true)
        }
    }

    private static let clientContext = try? TLSContext(TLSSettings(role: .client))

    private static let serverContext: TLSContext? = {
        let file = "/tmp/apus-fuzz-\(getpid()).pem"
        defer { unlink(file) }
        let made = system(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test.example "
                + "-keyout \(file) -out \(file).c 2>/dev/null && cat \(file).c >> \(file) && rm \(file).c")
        guard made == 0 else { return nil }
        var settings = TLSSettings(role: .server)
        settings.chainFiles = [file]
        return try? TLSContext(settings)
    }()
}
