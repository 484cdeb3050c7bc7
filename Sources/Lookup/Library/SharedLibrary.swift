import Glibc

/// A C library that is loaded when the first table needs it: programs that use no such table neither need the package
/// nor pay for its memory.
///
/// `@unchecked Sendable`: the handle is never closed, and dlsym(3) may be called from any thread.
struct SharedLibrary: @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - file: the library's name with the version of its interface: `libpq.so.5`.
    ///   - type: of table, for messages.
    ///   - package: of Debian, which has the library.
    init(_ file: String, type: String, package: String) throws(TableOpenError) {
        guard let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
            throw TableOpenError("unsupported dictionary type: \(type). Is the \(package) package installed?")
        }
        self.handle = handle
    }

    /// The function `name`. `Function` is its `@convention(c)` type, as the library's header declares it.
    func function<Function>(_ name: String) throws(TableOpenError) -> Function {
        guard let symbol = dlsym(handle, name) else {
            throw TableOpenError("\(name) is missing in the library of this table type")
        }
        // dlsym(3) gives no other way to a function than its address.
        return unsafeBitCast(symbol, to: Function.self)
    }
}
