import Glibc
import MailSystem

/// Starts master as a daemon and waits until it serves or says why it cannot.
enum BackgroundStart {
    /// - Returns: nil when it runs, else the reason.
    static func run(directory: String, verbose: Int) -> String? {
        guard let executable = Files.ownExecutable else { return "cannot find /proc/self/exe" }
        do {
            let (reading, writing) = try Descriptors.pipe()
            let null = open("/dev/null", O_RDWR | O_CLOEXEC)
            defer {
                Descriptors.close(reading)
                Descriptors.close(null)
            }
            var spawn = Spawn(
                executable: executable,
                arguments: ["master", "-c", directory, MasterProgram.readinessOption]
                    + Array(repeating: "-v", count: verbose),
                environment: ProcessEnvironment.all,
                descriptors: [0: null, 1: null, 2: null, MasterProgram.readinessDescriptor: writing])
            spawn.group = .newSession
            _ = try spawn.start()
            Descriptors.close(writing)
            var text: [UInt8] = []
            while case let chunk = try Descriptors.read(reading, count: 4096), !chunk.isEmpty {
                text += chunk
                if text == [0] { return nil }
            }
            return text.isEmpty ? "master ended before it was ready" : String(decoding: text, as: UTF8.self)
        } catch {
            return "\(error)"
        }
    }
}
