import Configuration
import Glibc
import MailSyntax
import MailSystem

/// A postdrop that runs as a child and takes one message.
public struct PostdropClient: Sendable {
    public let queueID: String
    private let process: pid_t
    private let input: CInt
    private let output: CInt
    private let path: String

    /// - Throws: `CommandFailure`.
    public init(_ context: CommandContext) throws {
        path = "\(context.parameters["command_directory"])/postdrop"
        let toChild = try Descriptors.pipe()
        let fromChild = try Descriptors.pipe()
        var arguments = ["postdrop", "-r"]
        // Named, so that a postdrop with rights of its own can check it.
        if context.parameters.directory != CommandContext.standardDirectory {
            arguments += ["-c", context.parameters.directory]
        }
        CommandTrace.tell("run \(path) \(arguments.dropFirst().joined(separator: " "))")
        do {
            process = try Spawn(
                executable: path, arguments: arguments, environment: context.importedEnvironment,
                descriptors: [0: toChild.reading, 1: fromChild.writing, 2: 2]
            ).start()
        } catch {
            throw CommandFailure("unable to execute \(path) -r: \(error.reason)", status: ExitStatus.temporary)
        }
        Descriptors.close(toChild.reading)
        Descriptors.close(fromChild.writing)
        input = toChild.writing
        output = fromChild.reading
        guard let greeting = try Self.readList(output),
            let id = greeting.first(where: { $0.name == "queue_id" })
        else {
            let ended = ProcessStatus.wait(for: process)
            let status: Int32 =
                if case .exited(let code) = ended { Int32(clamping: code) } else { ExitStatus.temporary }
            throw CommandFailure(
                "unable to submit the message through \(path)",
                status: status == ExitStatus.noPermission ? status : ExitStatus.temporary)
        }
        queueID = id.value
    }

    public func write(_ bytes: [UInt8]) throws { try Descriptors.writeAll(bytes, to: input, path: path) }

    /// Gives up: postdrop removes what it has.
    public func cancel() {
        kill(process, SIGTERM)
        Descriptors.close(input)
        Descriptors.close(output)
        _ = ProcessStatus.wait(for: process)
    }

    /// - Returns: cleanup's status bits and a reason; nil when postdrop failed.
    public func finish() throws -> (status: Int, reason: String)? {
        Descriptors.close(input)
        let reply = try Self.readList(output)
        Descriptors.close(output)
        _ = ProcessStatus.wait(for: process)
        guard let reply, let status = reply.first(where: { $0.name == "status" }) else { return nil }
        return (Int(status.value) ?? -1, reply.first { $0.name == "reason" }?.value ?? "")
    }

    private static func readList(_ descriptor: CInt) throws -> [AttributeCodec.Attribute]? {
        var bytes: [UInt8] = []
        while bytes.count < 1 << 16 {
            if case .complete(let list, _) = AttributeCodec.decode(bytes, as: .null) { return list }
            let more = try Descriptors.read(descriptor, count: 4096)
            if more.isEmpty { return nil }
            bytes += more
        }
        return nil
    }
}
