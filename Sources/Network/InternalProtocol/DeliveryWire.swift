/// The codec of the delivery types, field by field in declaration order.

extension DeliveryRequest: InternalRequest {
    public typealias Reply = DeliveryReport
    public static let kind = RequestKind.delivery

    public func encode(into writer: inout WireWriter) {
        writer.write(service)
        writer.write(nexthop)
        writer.write(queueName)
        writer.write(queueID)
        writer.write(sender)
        writer.write(encoding)
        writer.write(dataOffset)
        writer.write(contentLength)
        writer.write(sendOptions)
        writer.write(envelopeID)
        writer.write(dsnReturn)
        writer.write(flags.rawValue)
        writer.write(arrivalSeconds)
        writer.write(arrivalMicroseconds)
        writer.write(activeSeconds)
        writer.write(activeMicroseconds)
        writer.write(origin)
        writer.write(recipients) { $0.write($1) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let service = try reader.string()
        let nexthop = try reader.string()
        let queueName = try reader.string()
        let queueID = try reader.string()
        let sender = try reader.string()
        self.init(
            service: service, nexthop: nexthop, queueName: queueName, queueID: queueID, sender: sender, recipients: [])
        encoding = try reader.string()
        dataOffset = try reader.int()
        contentLength = try reader.int()
        sendOptions = try reader.int()
        envelopeID = try reader.string()
        dsnReturn = try reader.int()
        flags = DeliveryFlags(rawValue: try reader.int())
        arrivalSeconds = try reader.int()
        arrivalMicroseconds = try reader.int()
        activeSeconds = try reader.int()
        activeMicroseconds = try reader.int()
        origin = try reader.value()
        recipients = try reader.array { (reader) throws(WireError) in try DeliveryRecipient(from: &reader) }
    }
}

extension MessageOrigin: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(clientName)
        writer.write(clientAddress)
        writer.write(clientPort)
        writer.write(protocolName)
        writer.write(heloName)
        writer.write(saslMethod)
        writer.write(saslUsername)
        writer.write(saslSender)
        writer.write(logIdent)
        writer.write(rewriteContext)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init()
        clientName = try reader.string()
        clientAddress = try reader.string()
        clientPort = try reader.string()
        protocolName = try reader.string()
        heloName = try reader.string()
        saslMethod = try reader.string()
        saslUsername = try reader.string()
        saslSender = try reader.string()
        logIdent = try reader.string()
        rewriteContext = try reader.string()
    }
}

extension DeliveryRecipient: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(offset)
        writer.write(address)
        writer.write(originalAddress)
        writer.write(dsnOriginalRecipient)
        writer.write(dsnNotify)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            offset: try reader.int(), address: try reader.string(), originalAddress: try reader.string(),
            dsnOriginalRecipient: try reader.string(), dsnNotify: try reader.int())
    }
}

extension DeliveryReport: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(results) { $0.write($1) }
        writer.write(optional: destinationFailure) {
            $0.write($1.status)
            $0.write($1.reason)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            results: try reader.array { (reader) throws(WireError) in try RecipientResult(from: &reader) },
            destinationFailure: try reader.optional { (reader) throws(WireError) in
                DestinationFailure(status: try reader.string(), reason: try reader.string())
            })
    }
}

extension RecipientResult: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(offset)
        writer.write(outcome.rawValue)
        writer.write(status)
        writer.write(action)
        writer.write(reason)
        writer.write(diagnosticType)
        writer.write(diagnosticText)
        writer.write(mtaType)
        writer.write(mtaName)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let offset = try reader.int()
        guard let outcome = DeliveryOutcome(rawValue: try reader.byte()) else { throw WireError("unknown outcome") }
        self.init(
            offset: offset, outcome: outcome, status: try reader.string(), action: try reader.string(),
            reason: try reader.string(), diagnosticType: try reader.string(), diagnosticText: try reader.string(),
            mtaType: try reader.string(), mtaName: try reader.string())
    }
}
