import Glibc
import MailSystem

/// A bound connection to a directory. Every step ends by the table's `timeout`.
final class LDAPConnection {
    struct Failure: Error {
        let status: CInt
        let text: String
        /// Another connection may do better.
        var isLost: Bool { status == LDAPLibrary.Status.serverDown }
    }

    private let library: LDAPLibrary
    private let options: LDAPOptions
    private let handle: OpaquePointer

    init(_ library: LDAPLibrary, _ options: LDAPOptions) throws(Failure) {
        self.library = library
        self.options = options
        var handle: OpaquePointer?
        let status = library.initialize(&handle, options.servers)
        guard status == 0, let handle else {
            throw Failure(
                status: status, text: "Unable to init LDAP server \(options.servers): \(library.reason(status))")
        }
        self.handle = handle
        try setOptions()
        if options.startsTLS { try startTLS() }
        switch options.bind {
        case .none: break
        case .simple: try bind()
        case .sasl: try bindWithSASL()
        }
    }

    deinit { _ = library.unbind(handle, nil, nil) }

    // MARK: Options

    private func set(_ option: CInt, _ number: CInt, _ name: String) throws(Failure) {
        var number = number
        let status = library.setOption(handle, option, &number)
        if status != 0 { throw Failure(status: status, text: "Unable to set \(name)") }
    }

    private func setOptions() throws(Failure) {
        try set(LDAPLibrary.Option.protocolVersion, CInt(clamping: options.version), "protocol version")
        try set(LDAPLibrary.Option.sizeLimit, CInt(clamping: options.sizeLimit), "size limit")
        try set(LDAPLibrary.Option.dereference, CInt(clamping: options.dereference), "alias dereferencing")
        // On and off are addresses that mean so: LDAP_OPT_ON is any but NULL.
        var marker: CInt = 1
        _ = withUnsafePointer(to: &marker) {
            library.setOption(
                handle, LDAPLibrary.Option.referrals, options.chasesReferrals ? UnsafeRawPointer($0) : nil)
        }
        if options.debugLevel > 0 {
            var level = CInt(clamping: options.debugLevel)
            _ = library.setOption(nil, LDAPLibrary.Option.debugLevel, &level)
        }
        var limit = timeval(tv_sec: options.timeout, tv_usec: 0)
        _ = library.setOption(handle, LDAPLibrary.Option.networkTimeout, &limit)
        _ = library.setOption(handle, LDAPLibrary.Option.timeout, &limit)
        try setTLSOptions()
        if options.bind == .sasl, options.sasl.minimumStrength > 0 {
            var strength = UInt(options.sasl.minimumStrength)
            _ = library.setOption(handle, LDAPLibrary.Option.minimumStrength, &strength)
        }
    }

    private func setTLSOptions() throws(Failure) {
        guard options.startsTLS || options.servers.utf8.starts(with: "ldaps:".utf8) || !options.tlsTexts.isEmpty else {
            return
        }
        for (option, text) in options.tlsTexts {
            let status = text.withCString { library.setOption(handle, option, $0) }
            if status != 0 { throw Failure(status: status, text: "Unable to set TLS option \(text)") }
        }
        // LDAP_OPT_X_TLS_NEVER and _DEMAND.
        try set(LDAPLibrary.Option.requireCertificate, options.verifiesServer ? 2 : 0, "certificate check")
        // What was set counts from here on.
        try set(LDAPLibrary.Option.newTLSContext, 0, "TLS context")
    }

    private func startTLS() throws(Failure) {
        let status = library.startTLS(handle, nil, nil)
        if status == 0 { return }
        throw Failure(status: status, text: "Unable to set STARTTLS: \(status): \(library.reason(status))")
    }

    // MARK: Binding

    private func bindFailure(_ status: CInt) -> Failure {
        let name = options.bindName.isEmpty ? "empty or implicit" : options.bindName
        return Failure(
            status: status,
            text: "Unable to bind to server \(options.servers) with dn \(name): \(status) (\(library.reason(status)))")
    }

    private func bind() throws(Failure) {
        let id = library.simpleBind(handle, options.bindName, options.bindPassword)
        guard id >= 0 else { throw bindFailure(LDAPLibrary.Status.serverDown) }
        do throws(Failure) {
            let message = try wait(for: id)
            let status = library.resultError(handle, message, 1)
            if status != 0 { throw bindFailure(status) }
        } catch {
            throw bindFailure(error.status)
        }
    }

    private func bindWithSASL() throws(Failure) {
        var answers = SASLAnswers(options)
        // LDAP_SASL_QUIET: the library asks nobody but this function.
        let quiet: CUnsignedInt = 2
        let status = withUnsafeMutablePointer(to: &answers) { pointer in
            library.saslBind(
                handle, options.bindName.isEmpty ? nil : options.bindName,
                options.sasl.mechanisms.isEmpty ? nil : options.sasl.mechanisms, nil, nil, quiet, SASLAnswers.answer,
                pointer)
        }
        if status != 0 { throw bindFailure(status) }
    }

    // MARK: Searching

    /// The message with all of an operation's results.
    private func wait(for id: CInt) throws(Failure) -> OpaquePointer {
        var limit = timeval(tv_sec: options.timeout, tv_usec: 0)
        var message: OpaquePointer?
        // LDAP_MSG_ALL
        let kind = library.result(handle, id, 1, &limit, &message)
        if kind > 0, let message { return message }
        if kind == 0 {
            _ = library.abandon(handle, id, nil, nil)
            throw Failure(status: LDAPLibrary.Status.timeout, text: library.reason(LDAPLibrary.Status.timeout))
        }
        throw Failure(
            status: LDAPLibrary.Status.serverDown, text: library.reason(LDAPLibrary.Status.serverDown))
    }

    /// An entry's attributes with their values, in the server's order.
    typealias Entry = [(name: String, values: [[UInt8]])]

    /// - Throws: `sizeLimitExceeded` among others; "no such object" is an empty result.
    func search(
        base: String, scope: CInt, filter: String, attributes: [String]
    ) throws(Failure) -> [Entry] {
        var id: CInt = 0
        var limit = timeval(tv_sec: options.timeout, tv_usec: 0)
        let sizeLimit = CInt(clamping: options.sizeLimit)
        let status = Self.withTexts(attributes) { names in
            library.search(handle, base, scope, filter, names, 0, nil, nil, &limit, sizeLimit, &id)
        }
        guard status == 0 else { throw Failure(status: status, text: library.reason(status)) }
        let message = try wait(for: id)
        defer { _ = library.freeMessage(message) }
        let outcome = library.resultError(handle, message, 0)
        if outcome == LDAPLibrary.Status.noSuchObject { return [] }
        guard outcome == 0 else { throw Failure(status: outcome, text: library.reason(outcome)) }
        var entries: [Entry] = []
        var next = library.firstEntry(handle, message)
        while let entry = next {
            entries.append(self.attributes(of: entry))
            next = library.nextEntry(handle, entry)
        }
        return entries
    }

    private func attributes(of entry: OpaquePointer) -> Entry {
        var attributes: Entry = []
        var element: OpaquePointer?
        var next = library.firstAttribute(handle, entry, &element)
        while let name = next {
            attributes.append((String(cString: name), values(of: name, in: entry)))
            library.freeAttribute(name)
            next = library.nextAttribute(handle, entry, element)
        }
        if let element { library.freeElement(element, 0) }
        return attributes
    }

    /// `struct berval` is a length and a pointer.
    private func values(of attribute: UnsafePointer<CChar>, in entry: OpaquePointer) -> [[UInt8]] {
        guard let list = library.values(handle, entry, attribute) else { return [] }
        defer { library.freeValues(list) }
        var values: [[UInt8]] = []
        var index = 0
        while let item = list[index] {
            let count = item.load(as: Int.self)
            let data = item.load(fromByteOffset: 8, as: UnsafeRawPointer?.self)
            if let data, count > 0 { values.append(Array(UnsafeRawBufferPointer(start: data, count: count))) }
            index += 1
        }
        return values
    }

    private static func withTexts(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> CInt
    ) -> CInt {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

/// What SASL mechanisms ask for.
private struct SASLAnswers {
    // C strings that live as long as the table's settings are in use here.
    private let user: [CChar]
    private let password: [CChar]
    private let realm: [CChar]
    private let authorization: [CChar]

    init(_ options: LDAPOptions) {
        user = Array(options.bindName.utf8CString)
        password = Array(options.bindPassword.utf8CString)
        realm = Array(options.sasl.realm.utf8CString)
        authorization = Array(options.sasl.authorization.utf8CString)
    }

    /// `sasl_interact_t`: id, challenge, prompt, default, result, length; 48 bytes. The list ends with id 0.
    static let answer: LDAPLibrary.Interaction = { _, _, defaults, list in
        guard let answers = defaults?.assumingMemoryBound(to: SASLAnswers.self), var item = list else { return 0 }
        while item.load(as: UInt.self) != 0 {
            let text: UnsafeMutablePointer<CChar>? =
                switch item.load(as: UInt.self) {
                case 0x4001: strdup(answers.pointee.authorization)
                case 0x4002: strdup(answers.pointee.user)
                case 0x4004: strdup(answers.pointee.password)
                case 0x4008: strdup(answers.pointee.realm)
                default: nil
                }
            // The library reads it after this call; a connection asks a few times in its life.
            item.storeBytes(of: text.map { UInt(bitPattern: $0) } ?? 0, toByteOffset: 32, as: UInt.self)
            item.storeBytes(of: UInt32(text.map { strlen($0) } ?? 0), toByteOffset: 40, as: UInt32.self)
            item += 48
        }
        return 0
    }
}
