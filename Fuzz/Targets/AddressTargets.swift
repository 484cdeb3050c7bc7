import MailSyntax

@testable import Configuration
@testable import Deliver
@testable import InternalProtocol
@testable import Operate
@testable import Submission

extension FuzzTarget {
    /// What is written parses to the same addresses.
    static let addresses = FuzzTarget("addresses") { input in
        let tokens = AddressListParser.parse(input)
        for case .address(let address) in tokens {
            // Words without an operator between them, `<a b>`, are written without the blank that kept them apart.
            if zip(address, address.dropFirst()).contains(where: twoWords) { continue }
            // In domain literals nothing is quoted again, as in Postfix.
            if address.contains(where: isQuotedLiteral) { continue }
            var external = AddressText.externalForm([.address(address)])
            if address.contains(where: isSeparator) {
                // Inside <…> a separator is part of the address, as Postfix has it. Rewriting puts it into quotes; nothing
                // quotes a domain.
                let text = AddressText.internalForm(address)
                guard EmailAddress.domain(text)?.utf8.allSatisfy(isPlain) ?? true else { continue }
                external = EmailAddress.quoted(text)
            }
            let again = AddressListParser.parse(external.utf8)
            let addresses = again.compactMap { if case .address(let inner) = $0 { inner } else { nil } }
            require(addresses.count <= 1, "one address stays one: \(external)")
            require(
                addresses.first.map { AddressText.internalForm([.address($0)]) } ?? ""
                    == AddressText.internalForm([.address(address)]),
                "the same address: \(external)")
        }
        for address in AddressListParser.addresses(input) {
            require(!address.utf8.contains { $0 == 0x0A || $0 == 0x0D }, "an address for one line")
        }
        for line in AddressText.headerLines(tokens) { require(!line.contains(0x0A), "a header line") }
        let text = String(decoding: input, as: UTF8.self)
        require(EmailAddress.unquote(EmailAddress.quoted(text)) == text, "unquote(quote(x)): \(text)")
        let (local, domain) = EmailAddress.split(text)
        require(domain.map { local + "@" + $0 } ?? local == text, "split")
        let (user, tail) = EmailAddress.splitExtension(local, delimiters: "+-")
        require(user.utf8.count + (tail?.utf8.count ?? 0) <= local.utf8.count, "an extension is a part")
    }

    private static func isQuotedLiteral(_ token: AddressToken) -> Bool {
        if case .literal(let bytes) = token { bytes.contains(0x5C) || bytes.contains(0x5D) } else { false }
    }

    private static func isSeparator(_ token: AddressToken) -> Bool {
        switch token {
        case .op(0x2C), .op(0x3A), .op(0x3B), .op(0x3C), .op(0x3E): true
        default: false
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    private static func twoWords(_ left: AddressToken, _ right: AddressToken) -> Bool {
        func isWord(_ token: AddressToken) -> Bool { if case .op = token { false } else { true } }
        return isWord(left) && isWord(right)
    }

    /// .forward and :include: files, and the values of aliases.
    static let forwardFile = FuzzTarget("forward-file") { input in
        let targets = LocalTarget.parse(file: input)
        require(targets.count <= input.count, "no more targets than bytes")
        for target in targets {
            if case .address(let text) = target { require(!text.isEmpty, "no empty address") }
        }
    }

    /// Sources of postalias.
    static let aliasSource = FuzzTarget("alias-source") { input in
        var reader = AliasReader("aliases", input, options: .standard)
        var lines = 0
        while let entry = reader.next(warn: { _ in }) {
            lines += 1
            require(!entry.key.isEmpty, "a key")
        }
        require(lines <= input.count, "no more entries than bytes")
        var keys = MessageKeys(header: true, body: true, mime: true) { _ in }
        for line in input.split(separator: 0x0A, omittingEmptySubsequences: false) { _ = keys.feed(Array(line)) }
        _ = keys.finish()
    }

    /// `sendmail -t`.
    static let headerRecipients = FuzzTarget("header-recipients") { input in
        var reader = HeaderRecipients(limit: 2000)
        for line in input.split(separator: 0x0A, omittingEmptySubsequences: false) { _ = reader.take(Array(line)) }
        require(reader.finish().allSatisfy { !$0.isEmpty }, "recipients are not empty")
    }

    /// pipe(8): an argument stays an argument, whatever the envelope says.
    static let pipeArguments = FuzzTarget("pipe-arguments") { input in
        var fields = InputReader(input)
        let flags = ["", "flags=hqu", "flags=q"][Int(fields.byte() % 3)]
        let argv = ["argv=/bin/x", "-f", "$sender", "--", "${recipient}", "a$user+$extension@$domain", "$mailbox"]
        guard let attributes = try? PipeAttributes([flags].filter { !$0.isEmpty } + argv) else { return }
        var request = DeliveryRequest(
            service: "x", nexthop: fields.text(), queueName: "active", queueID: "A", sender: fields.text(),
            recipients: [])
        while !fields.isEmpty, request.recipients.count < 20 {
            request.recipients.append(
                DeliveryRecipient(
                    offset: 1, address: fields.text(), originalAddress: fields.text(), dsnOriginalRecipient: "",
                    dsnNotify: 0))
        }
        let expander = PipeArguments(attributes: attributes, request: request, delimiters: "+-")
        guard let (arguments, unknown) = try? expander.expand() else { fatalError("expansion of plain values") }
        require(unknown.isEmpty, "all macros are known")
        require(arguments.count == 4 + 3 * request.recipients.count, "as many arguments as were asked for")
        require(arguments.prefix(2) == ["/bin/x", "-f"], "what is fixed stays")
    }
}
