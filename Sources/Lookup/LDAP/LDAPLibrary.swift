/// The functions of OpenLDAP's libldap that tables use (ldap.h).
struct LDAPLibrary: Sendable {
    typealias Handle = OpaquePointer
    typealias Raw = UnsafeMutableRawPointer
    typealias Text = UnsafePointer<CChar>
    typealias Texts = UnsafePointer<UnsafeMutablePointer<CChar>?>
    typealias Interaction =
        @convention(c) (OpaquePointer?, CUnsignedInt, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> CInt

    let initialize: @convention(c) @Sendable (UnsafeMutablePointer<Handle?>, Text) -> CInt
    let setOption: @convention(c) @Sendable (Handle?, CInt, UnsafeRawPointer?) -> CInt
    let startTLS: @convention(c) @Sendable (Handle, Raw?, Raw?) -> CInt
    let simpleBind: @convention(c) @Sendable (Handle, Text?, Text?) -> CInt
    let saslBind:
        @convention(c) @Sendable (
            Handle, Text?, Text?, Raw?, Raw?, CUnsignedInt, Interaction, UnsafeMutableRawPointer?
        ) -> CInt
    let search:
        @convention(c) @Sendable (
            Handle, Text, CInt, Text, Texts?, CInt, Raw?, Raw?, UnsafeRawPointer?, CInt, UnsafeMutablePointer<CInt>
        ) -> CInt
    let result: @convention(c) @Sendable (Handle, CInt, CInt, UnsafeRawPointer?, UnsafeMutablePointer<Handle?>) -> CInt
    let resultError: @convention(c) @Sendable (Handle, Handle, CInt) -> CInt
    let abandon: @convention(c) @Sendable (Handle, CInt, Raw?, Raw?) -> CInt
    let firstEntry: @convention(c) @Sendable (Handle, Handle) -> Handle?
    let nextEntry: @convention(c) @Sendable (Handle, Handle) -> Handle?
    let firstAttribute:
        @convention(c) @Sendable (Handle, Handle, UnsafeMutablePointer<Handle?>) -> UnsafeMutablePointer<CChar>?
    let nextAttribute: @convention(c) @Sendable (Handle, Handle, Handle?) -> UnsafeMutablePointer<CChar>?
    let freeAttribute: @convention(c) @Sendable (UnsafeMutableRawPointer?) -> Void
    /// Of liblber.
    let freeElement: @convention(c) @Sendable (Handle, CInt) -> Void
    let values: @convention(c) @Sendable (Handle, Handle, Text) -> UnsafeMutablePointer<Raw?>?
    let freeValues: @convention(c) @Sendable (UnsafeMutablePointer<Raw?>) -> Void
    let freeMessage: @convention(c) @Sendable (Handle) -> CInt
    let errorText: @convention(c) @Sendable (CInt) -> Text?
    let unbind: @convention(c) @Sendable (Handle, Raw?, Raw?) -> CInt

    enum Option {
        static let dereference: CInt = 0x02
        static let sizeLimit: CInt = 0x03
        static let timeLimit: CInt = 0x04
        static let referrals: CInt = 0x08
        static let protocolVersion: CInt = 0x11
        static let debugLevel: CInt = 0x5001
        static let timeout: CInt = 0x5002
        static let networkTimeout: CInt = 0x5005
        static let authorityFile: CInt = 0x6002
        static let authorityDirectory: CInt = 0x6003
        static let certificate: CInt = 0x6004
        static let key: CInt = 0x6005
        static let requireCertificate: CInt = 0x6006
        static let cipherSuite: CInt = 0x6008
        static let randomFile: CInt = 0x6009
        static let newTLSContext: CInt = 0x600F
        static let minimumStrength: CInt = 0x6107
    }

    enum Status {
        static let success: CInt = 0
        static let timeLimitExceeded: CInt = 3
        static let sizeLimitExceeded: CInt = 4
        static let noSuchObject: CInt = 32
        static let serverDown: CInt = -1
        static let timeout: CInt = -5
    }

    private static let loaded = Result { () throws(TableOpenError) -> LDAPLibrary in try LDAPLibrary() }

    static func load() throws(TableOpenError) -> LDAPLibrary { try loaded.get() }

    private init() throws(TableOpenError) {
        let library = try SharedLibrary("libldap-2.5.so.0", type: "ldap", package: "libldap-2.5-0")
        initialize = try library.function("ldap_initialize")
        setOption = try library.function("ldap_set_option")
        startTLS = try library.function("ldap_start_tls_s")
        simpleBind = try library.function("ldap_simple_bind")
        saslBind = try library.function("ldap_sasl_interactive_bind_s")
        search = try library.function("ldap_search_ext")
        result = try library.function("ldap_result")
        resultError = try library.function("ldap_result2error")
        abandon = try library.function("ldap_abandon_ext")
        firstEntry = try library.function("ldap_first_entry")
        nextEntry = try library.function("ldap_next_entry")
        firstAttribute = try library.function("ldap_first_attribute")
        nextAttribute = try library.function("ldap_next_attribute")
        freeAttribute = try library.function("ldap_memfree")
        freeElement = try library.function("ber_free")
        values = try library.function("ldap_get_values_len")
        freeValues = try library.function("ldap_value_free_len")
        freeMessage = try library.function("ldap_msgfree")
        errorText = try library.function("ldap_err2string")
        unbind = try library.function("ldap_unbind_ext")
    }

    func reason(_ status: CInt) -> String { errorText(status).map { String(cString: $0) } ?? "error" }
}
