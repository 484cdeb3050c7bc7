import MailSyntax
import MailSystem
import Routing
import Spool

/// The envelope records in the order in which Postfix's programs write them (queuefile.md §3).
struct EnvelopeWriter {
    let writer: QueueFileWriter
    let envelope: IncomingEnvelope

    /// Everything up to and including the sender.
    func begin(sender: String, created: MailTime) {
        writer.append(.size, SizeRecord().payload)
        writer.append(.time, "\(envelope.arrival.seconds) \(envelope.arrival.microseconds)")
        writer.append(attribute: "create_time", "\(created.seconds)")
        if !envelope.contentFilter.isEmpty { writer.append(.filter, envelope.contentFilter) }
        switch envelope.source {
        case .network:
            let ident = envelope.client?.forwarded?.logIdent ?? ""
            writer.append(attribute: "log_ident", ident.isEmpty ? writer.id.text : ident)
            rewriteContext()
            saslAttributes()
            dsnAttributes()
        case .local:
            dsnAttributes()
            rewriteContext()
        case .forwarded: break
        case .generated:
            writer.append(attribute: "log_message_origin", "local")
            writer.append(attribute: "trace_flags", "\(envelope.traceFlags)")
            dsnAttributes()
        }
        if let name = envelope.fullName { writer.append(.fullName, name) }
        writer.append(.sender, sender)
    }

    /// What stands between the sender and the first recipient.
    func finish(warningTime: Int?) {
        if !envelope.encoding.isEmpty { writer.append(attribute: "encoding", envelope.encoding) }
        if envelope.traceFlags != 0, envelope.source != .generated {
            writer.append(attribute: "trace_flags", "\(envelope.traceFlags)")
        }
        if envelope.source == .forwarded {
            forwardedAttributes()
        } else if let client = envelope.client {
            clientAttributes(client)
        }
        if !envelope.verp.isEmpty { writer.append(.verp, envelope.verp) }
        if let warningTime { writer.append(.warning, RecordCodec.column15(warningTime)) }
    }

    /// local(8) passes on what it was told with the delivery request.
    private func forwardedAttributes() {
        if envelope.dsnReturn != 0 { writer.append(attribute: "ret_flags", "\(envelope.dsnReturn)") }
        if !envelope.dsnEnvelopeID.isEmpty { writer.append(attribute: "envelope_id", envelope.dsnEnvelopeID) }
        if let client = envelope.client {
            optional("log_client_name", client.clientName)
            optional("log_client_address", client.clientAddress)
            optional("log_protocol_name", client.protocolName)
            optional("log_helo_name", client.heloName)
            saslAttributes()
            optional("log_ident", client.forwarded?.logIdent ?? "")
        }
        rewriteContext()
    }

    private func rewriteContext() {
        writer.append(attribute: "rewrite_context", envelope.rewriteContext.rawValue)
    }

    private func dsnAttributes() {
        if !envelope.dsnEnvelopeID.isEmpty { writer.append(attribute: "envelope_id", envelope.dsnEnvelopeID) }
        if envelope.dsnReturn != 0 { writer.append(attribute: "ret_flags", "\(envelope.dsnReturn)") }
    }

    private func saslAttributes() {
        guard let client = envelope.client else { return }
        optional("sasl_method", client.saslMethod)
        optional("sasl_username", client.saslUsername)
        optional("sasl_sender", client.saslSender)
    }

    private func clientAttributes(_ client: ClientFacts) {
        var logged = ForwardedFacts()
        logged.clientName = client.clientName
        logged.clientAddress = client.clientAddress
        logged.clientPort = client.clientPort
        logged.heloName = client.heloName
        logged.protocolName = client.protocolName
        if let forwarded = client.forwarded { logged = forwarded }
        writer.append(attribute: "log_client_name", logged.clientName)
        writer.append(attribute: "log_client_address", logged.clientAddress)
        writer.append(attribute: "log_client_port", logged.clientPort)
        writer.append(attribute: "log_message_origin", logged.messageOrigin)
        optional("log_helo_name", logged.heloName)
        writer.append(attribute: "log_protocol_name", logged.protocolName)
        guard envelope.source == .network else { return }
        writer.append(attribute: "client_name", client.clientName)
        writer.append(attribute: "reverse_client_name", client.reverseClientName)
        writer.append(attribute: "client_address", client.clientAddress)
        writer.append(attribute: "client_port", client.clientPort)
        writer.append(attribute: "server_address", client.serverAddress)
        writer.append(attribute: "server_port", client.serverPort)
        optional("helo_name", client.heloName)
        writer.append(attribute: "protocol_name", client.protocolName)
        writer.append(attribute: "client_address_type", "\(client.clientAddressType)")
    }

    private func optional(_ name: String, _ value: String) {
        if !value.isEmpty { writer.append(attribute: name, value) }
    }
}
