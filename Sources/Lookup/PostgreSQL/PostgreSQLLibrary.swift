/// The functions of libpq that tables use (libpq-fe.h).
struct PostgreSQLLibrary: Sendable {
    typealias Connection = OpaquePointer
    typealias Answer = OpaquePointer
    typealias Texts = UnsafePointer<UnsafePointer<CChar>?>

    let connectStart: @convention(c) @Sendable (Texts, Texts, CInt) -> Connection?
    let connectPoll: @convention(c) @Sendable (Connection) -> CInt
    let status: @convention(c) @Sendable (Connection) -> CInt
    let socket: @convention(c) @Sendable (Connection) -> CInt
    let errorMessage: @convention(c) @Sendable (Connection) -> UnsafePointer<CChar>?
    let finish: @convention(c) @Sendable (Connection) -> Void
    let setNonblocking: @convention(c) @Sendable (Connection, CInt) -> CInt
    let escape:
        @convention(c) @Sendable (
            Connection, UnsafeMutablePointer<CChar>, UnsafePointer<CChar>, Int, UnsafeMutablePointer<CInt>
        ) -> Int
    let sendQuery: @convention(c) @Sendable (Connection, UnsafePointer<CChar>) -> CInt
    let singleRows: @convention(c) @Sendable (Connection) -> CInt
    let flush: @convention(c) @Sendable (Connection) -> CInt
    let consumeInput: @convention(c) @Sendable (Connection) -> CInt
    let isBusy: @convention(c) @Sendable (Connection) -> CInt
    let getResult: @convention(c) @Sendable (Connection) -> Answer?
    let resultStatus: @convention(c) @Sendable (Answer) -> CInt
    let resultMessage: @convention(c) @Sendable (Answer) -> UnsafePointer<CChar>?
    let rowCount: @convention(c) @Sendable (Answer) -> CInt
    let columnCount: @convention(c) @Sendable (Answer) -> CInt
    let value: @convention(c) @Sendable (Answer, CInt, CInt) -> UnsafePointer<CChar>?
    let length: @convention(c) @Sendable (Answer, CInt, CInt) -> CInt
    let clear: @convention(c) @Sendable (Answer) -> Void

    enum Polling {
        static let reading: CInt = 1
        static let writing: CInt = 2
        static let done: CInt = 3
    }

    enum Status {
        static let emptyQuery: CInt = 0
        static let command: CInt = 1
        static let rows: CInt = 2
        static let singleRow: CInt = 9
    }

    private static let loaded = Result { () throws(TableOpenError) -> PostgreSQLLibrary in try PostgreSQLLibrary() }

    static func load() throws(TableOpenError) -> PostgreSQLLibrary { try loaded.get() }

    private init() throws(TableOpenError) {
        let library = try SharedLibrary("libpq.so.5", type: "pgsql", package: "libpq5")
        connectStart = try library.function("PQconnectStartParams")
        connectPoll = try library.function("PQconnectPoll")
        status = try library.function("PQstatus")
        socket = try library.function("PQsocket")
        errorMessage = try library.function("PQerrorMessage")
        finish = try library.function("PQfinish")
        setNonblocking = try library.function("PQsetnonblocking")
        escape = try library.function("PQescapeStringConn")
        sendQuery = try library.function("PQsendQuery")
        singleRows = try library.function("PQsetSingleRowMode")
        flush = try library.function("PQflush")
        consumeInput = try library.function("PQconsumeInput")
        isBusy = try library.function("PQisBusy")
        getResult = try library.function("PQgetResult")
        resultStatus = try library.function("PQresultStatus")
        resultMessage = try library.function("PQresultErrorMessage")
        rowCount = try library.function("PQntuples")
        columnCount = try library.function("PQnfields")
        value = try library.function("PQgetvalue")
        length = try library.function("PQgetlength")
        clear = try library.function("PQclear")
    }
}
