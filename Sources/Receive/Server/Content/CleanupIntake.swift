import Cleanup
import MailSyntax
import MailSystem
import NIOCore
import Spool

/// Takes messages with the cleanup library of this process.
struct CleanupIntake: MessageIntake {
    let cleanup: CleanupService
    /// content_filter of the service.
    let contentFilter: String
    /// receive_override_options.
    let overrides: Set<String>
    /// In-flow control: waits while the queue is behind.
    var pause: @Sendable () async -> Void = {}

    func begin(_ envelope: MessageEnvelope) async throws -> any IncomingMail {
        var incoming = IncomingEnvelope(source: .network, sender: envelope.sender, arrival: envelope.arrival)
        incoming.client = Self.client(envelope.facts)
        incoming.dsnEnvelopeID = envelope.envelopeID ?? ""
        incoming.dsnReturn = envelope.returnPart == "FULL" ? 1 : envelope.returnPart == "HDRS" ? 2 : 0
        incoming.encoding = envelope.encoding ?? ""
        incoming.rewriteContext = envelope.rewritesLocally ? .local : .remote
        if envelope.smtpUTF8 { incoming.sendOptions = .smtputf8Requested }
        incoming.contentFilter = contentFilter
        if overrides.contains("no_address_mappings") {
            incoming.mapsAddresses = false
            incoming.addsBcc = false
        }
        if overrides.contains("no_header_body_checks") { incoming.checksContent = false }
        incoming.verp = envelope.verp
        await pause()
        return CleanupMail(try await cleanup.begin(incoming))
    }

    /// IDENT alone says nothing of the client.
    private static func forwarded(_ told: ForwardedClient, _ client: ClientFacts) -> ForwardedFacts {
        var facts = ForwardedFacts()
        facts.clientName = told.describesClient ? told.name : client.clientName
        facts.clientAddress = told.describesClient ? told.address : client.clientAddress
        facts.clientPort = told.describesClient ? told.port : client.clientPort
        facts.heloName = told.describesClient ? told.helo ?? "" : client.heloName
        facts.protocolName = told.describesClient ? told.protocolName : client.protocolName
        facts.logIdent = told.ident ?? ""
        return facts
    }

    private static func client(_ facts: SessionFacts) -> ClientFacts {
        var client = ClientFacts()
        client.clientName = facts.client.name
        client.reverseClientName = facts.client.reverseName
        client.clientAddress = facts.client.address
        client.clientPort = facts.client.port
        client.clientAddressType = facts.client.ip?.isIPv4 == false ? 10 : 2
        client.serverAddress = facts.serverAddress
        client.serverPort = facts.serverPort
        client.heloName = facts.helo ?? ""
        client.protocolName = facts.protocolName
        client.saslMethod = facts.saslMethod ?? ""
        client.saslUsername = facts.saslUsername ?? ""
        client.saslSender = facts.saslSender ?? ""
        client.forwarded = facts.forwarded.map { forwarded($0, client) }
        return client
    }
}

final class CleanupMail: IncomingMail {
    private let message: IncomingMessage

    init(_ message: IncomingMessage) { self.message = message }

    var queueID: String { message.queueID }

    func add(_ recipient: MessageRecipient) async {
        let type = recipient.address.utf8.allSatisfy { $0 < 0x80 } ? "rfc822" : "utf-8"
        let original =
            recipient.original ?? "\(type);\(recipient.typed ?? EmailAddress.quoted(recipient.address))"
        await message.addRecipient(
            RecipientSpec(recipient.address, dsnNotify: recipient.notify, dsnOriginal: original))
    }

    func set(_ effects: MessageEffects) async {
        message.setEffects(
            hold: effects.hold, discard: effects.discard, filter: effects.filter, redirect: effects.redirect,
            bcc: effects.bcc)
    }

    func prepend(_ header: String) async { await message.prependHeader(header) }

    func append(_ text: ByteBuffer) async { await message.append(text) }

    func exceedSize() async { message.exceedSize() }

    func finish() async -> IntakeVerdict {
        switch await message.finish() {
        case .accepted, .discarded: .accepted
        case .refused(let problem): .refused(ServerReply(parsing: problem.reply.description) ?? Replies.queueWriteError)
        }
    }

    func abort() async { await message.abort() }
}
