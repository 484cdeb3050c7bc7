/// The functions of libmariadb that tables use (mysql.h).
struct MySQLLibrary: Sendable {
    typealias Connection = OpaquePointer
    typealias Text = UnsafePointer<CChar>

    let create: @convention(c) @Sendable (Connection?) -> Connection?
    let setOption: @convention(c) @Sendable (Connection, CInt, UnsafeRawPointer?) -> CInt
    let setTLS: @convention(c) @Sendable (Connection, Text?, Text?, Text?, Text?, Text?) -> CChar
    let connect:
        @convention(c) @Sendable (Connection, Text?, Text?, Text?, Text?, CUnsignedInt, Text?, CUnsignedLong) ->
            Connection?
    let escape: @convention(c) @Sendable (Connection, UnsafeMutablePointer<CChar>, Text, CUnsignedLong) -> CUnsignedLong
    let query: @convention(c) @Sendable (Connection, Text, CUnsignedLong) -> CInt
    let useResult: @convention(c) @Sendable (Connection) -> OpaquePointer?
    let nextResult: @convention(c) @Sendable (Connection) -> CInt
    let fieldCount: @convention(c) @Sendable (Connection) -> CUnsignedInt
    let columnCount: @convention(c) @Sendable (OpaquePointer) -> CUnsignedInt
    let fetchRow: @convention(c) @Sendable (OpaquePointer) -> UnsafePointer<Text?>?
    let lengths: @convention(c) @Sendable (OpaquePointer) -> UnsafePointer<CUnsignedLong>?
    let freeResult: @convention(c) @Sendable (OpaquePointer) -> Void
    let errorNumber: @convention(c) @Sendable (Connection) -> CUnsignedInt
    let errorText: @convention(c) @Sendable (Connection) -> Text?
    let close: @convention(c) @Sendable (Connection) -> Void

    enum Option {
        static let connectTimeout: CInt = 0
        static let defaultFile: CInt = 4
        static let defaultGroup: CInt = 5
        static let characterSet: CInt = 7
        static let readTimeout: CInt = 11
        static let writeTimeout: CInt = 12
        static let verifyServer: CInt = 21
    }

    /// Stored procedures give more than one result.
    static let multipleResults: CUnsignedLong = 1 << 17

    private static let loaded = Result { () throws(TableOpenError) -> MySQLLibrary in try MySQLLibrary() }

    static func load() throws(TableOpenError) -> MySQLLibrary { try loaded.get() }

    private init() throws(TableOpenError) {
        let library = try SharedLibrary("libmariadb.so.3", type: "mysql", package: "libmariadb3")
        create = try library.function("mysql_init")
        setOption = try library.function("mysql_options")
        setTLS = try library.function("mysql_ssl_set")
        connect = try library.function("mysql_real_connect")
        escape = try library.function("mysql_real_escape_string")
        query = try library.function("mysql_real_query")
        useResult = try library.function("mysql_use_result")
        nextResult = try library.function("mysql_next_result")
        fieldCount = try library.function("mysql_field_count")
        columnCount = try library.function("mysql_num_fields")
        fetchRow = try library.function("mysql_fetch_row")
        lengths = try library.function("mysql_fetch_lengths")
        freeResult = try library.function("mysql_free_result")
        errorNumber = try library.function("mysql_errno")
        errorText = try library.function("mysql_error")
        close = try library.function("mysql_close")
    }
}
