import Glibc
import MailSystem
import Spool

/// Does a `MailboxJob` with the identity of this process. Blocks.
enum MailboxWriter {
    static func perform(_ job: MailboxJob, file: any StoredFile, in files: any MailboxFiles) -> MailboxOutcome {
        if job.format == .ownersFile { return OwnersFile.read(job, in: files) }
        do {
            let size = try file.status().size
            let content = ContentReader(file: file, size: size, dataOffset: job.dataOffset, format: .text)
            if job.format == .mbox {
                return .delivered(offset: try MboxWriter(job: job, files: files).deliver(content))
            }
            try MaildirWriter(job: job, files: files).deliver(content)
            return .delivered(offset: 0)
        } catch let error as MailboxError {
            return .failed(error.text, errno: Int(error.code))
        } catch let error as SystemError {
            return .failed("\(error)", errno: Int(error.errno))
        } catch QueueFileError.system(let error) {
            // Not readable now is not damaged.
            return .failed("read queue file: \(error.reason)", errno: Int(error.errno))
        } catch {
            return .corruptMessage
        }
    }

    /// Appends prefix, content and suffix to a mailbox.
    static func copy(
        _ job: MailboxJob, _ content: ContentReader, _ transformer: LineTransformer, suffix: [UInt8], startSize: Int,
        to file: any MailboxFile
    ) throws {
        var transformer = transformer
        var total = startSize
        func put(_ bytes: [UInt8]) throws {
            total += bytes.count
            if job.sizeLimit > 0, total > job.sizeLimit { throw MailboxError("error writing message", EFBIG) }
            do {
                try file.append(bytes)
            } catch {
                throw MailboxError("error writing message", error.errno)
            }
        }
        try put(job.prefix)
        while let chunk = try content.nextChunk() { try put(transformer.transform(chunk)) }
        try put(transformer.finish() + suffix)
    }
}
