import Glibc
import MailSystem
import TestSupport

@testable import Lookup

/// A folder for table files, removed with the value.
final class TableFolder {
    let path: String

    init() {
        var template = Array("/tmp/apus-lookup.XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    deinit {
        for name in (try? names()) ?? [] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private func names() throws -> [String] {
        var names: [String] = []
        guard let directory = opendir(path) else { return names }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    /// Writes a file and returns its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Files.writeAtomically(Array(text.utf8), to: file)
        return file
    }
}

/// An opener, and what it logs.
struct TestOpener {
    let sink = MemoryLogSink()
    let opener: TableOpener

    init(_ change: (inout TableSettings) -> Void = { _ in }) {
        var settings = TableSettings()
        change(&settings)
        opener = TableOpener(settings: settings, log: MailLog(tag: "test", sink: sink))
    }

    func maps(_ specifications: String) -> Maps { Maps(specifications, opener: opener) }
}

/// Makes a Berkeley DB table of `entries`.
func makeTable(_ specification: String, _ entries: [(String, String)], options: TableOptions = []) throws {
    let table = try TestOpener().opener.openUnchecked(
        TableSpecification(specification), options: options.union([.writable, .create, .foldKeys]))
    guard let updatable = table as? any UpdatableTable else { return }
    for (key, value) in entries { _ = try updatable.update(Array(key.utf8), Array(value.utf8)) }
    try updatable.close()
}
