import CPCRE2

/// The functions of libpcre2-8 that tables use.
final class PCRELibrary: Sendable {
    let compile:
        @convention(c) @Sendable (
            UnsafePointer<UInt8>?, Int, UInt32, UnsafeMutablePointer<CInt>, UnsafeMutablePointer<Int>, OpaquePointer?
        ) -> OpaquePointer?
    let compileToMachineCode: @convention(c) @Sendable (OpaquePointer, UInt32) -> CInt
    let information: @convention(c) @Sendable (OpaquePointer, UInt32, UnsafeMutableRawPointer?) -> CInt
    let errorMessage: @convention(c) @Sendable (CInt, UnsafeMutablePointer<UInt8>, Int) -> CInt
    let freeCode: @convention(c) @Sendable (OpaquePointer) -> Void
    let createData: @convention(c) @Sendable (UInt32, OpaquePointer?) -> OpaquePointer?
    let freeData: @convention(c) @Sendable (OpaquePointer?) -> Void
    let match:
        @convention(c) @Sendable (
            OpaquePointer, UnsafePointer<UInt8>?, Int, Int, UInt32, OpaquePointer, OpaquePointer?
        ) -> CInt
    let offsets: @convention(c) @Sendable (OpaquePointer) -> UnsafeMutablePointer<Int>?

    /// What an error number of the library means.
    func text(_ status: CInt) -> String {
        var message = [UInt8](repeating: 0, count: 256)
        _ = errorMessage(status, &message, message.count)
        return message.prefix { $0 != 0 }.text
    }

    private static let loaded = Result { () throws(TableOpenError) -> PCRELibrary in try PCRELibrary() }

    static func load() throws(TableOpenError) -> PCRELibrary { try loaded.get() }

    private init() throws(TableOpenError) {
        let library = try SharedLibrary("libpcre2-8.so.0", type: "pcre", package: "libpcre2-8-0")
        compile = try library.function("pcre2_compile_8")
        compileToMachineCode = try library.function("pcre2_jit_compile_8")
        information = try library.function("pcre2_pattern_info_8")
        errorMessage = try library.function("pcre2_get_error_message_8")
        freeCode = try library.function("pcre2_code_free_8")
        createData = try library.function("pcre2_match_data_create_8")
        freeData = try library.function("pcre2_match_data_free_8")
        match = try library.function("pcre2_match_8")
        offsets = try library.function("pcre2_get_ovector_pointer_8")
    }
}
