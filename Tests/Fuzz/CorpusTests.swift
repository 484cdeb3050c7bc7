import FuzzTargets
import Glibc
import MailSystem
import Testing

/// What fuzzing has found stays found: the corpus is run through the targets, as `make fuzz` does before it makes up
/// input of its own. A property that does not hold ends the test process.
@Suite("Fuzzing corpus", .serialized)
struct CorpusTests {
    /// On a thread of its own, for targets wait for tasks; with a stack as large as the fuzzer's.
    private static func start(_ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 16 << 20)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Work(body)).toOpaque()
        pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, argument)
        pthread_detach(thread)
    }

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static let folder =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        + "/Fuzz/Corpus"

    @Test("every target takes its corpus", arguments: FuzzTarget.all.map(\.name))
    func corpus(_ name: String) async throws {
        let target = try #require(FuzzTarget.named(name))
        var names: [String] = []
        try POSIXFileStore(root: "").list("\(Self.folder)/\(name)") {
            names.append($0)
            return true
        }
        #expect(!names.isEmpty)
        let inputs = try [[]] + names.sorted().map { try Files.read("\(Self.folder)/\(name)/\($0)", limit: 1 << 20) }
        await withCheckedContinuation { done in
            Self.start {
                for input in inputs { target.run(input) }
                done.resume()
            }
        }
    }

    @Test("no folder is without its target")
    func folders() throws {
        var names: Set<String> = []
        try POSIXFileStore(root: "").list(Self.folder) {
            names.insert($0)
            return true
        }
        #expect(names == Set(FuzzTarget.all.map(\.name)))
    }
}
