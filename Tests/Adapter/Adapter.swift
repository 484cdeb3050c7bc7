import Glibc

/// Plays the harnesses of the conformance cases on top of the libraries: `apus-adapter HARNESS ARGUMENT...`. Not installed.
@main
struct Adapter {
    typealias Harness = @Sendable (Console) async -> Void

    static let harnesses: [String: Harness] = [
        textHarnesses, matchingHarnesses, addressHarnesses, messageHarnesses, serverHarnesses,
        protocolHarnesses,
    ]
    .reduce(into: [:]) { $0.merge($1) { $1 } }

    /// These print diagnostics on standard output.
    private static let merging: Set<String> = ["mime_state", "header_body_checks", "scache"]

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let name = arguments.first, let harness = harnesses[name] else {
            Console(arguments: []).fatal("unknown harness: \(arguments.first ?? "")")
        }
        let console = Console(arguments: Array(arguments.dropFirst()), mergesDiagnostics: merging.contains(name))
        await harness(console)
        console.flush()
    }
}
