import MailSystem

/// Messages whose content is no longer what was written: marked, so that the queue manager moves them to `corrupt` instead of
/// trying them until they are too old. One that could not be read for a moment is not damaged. Calls block.
public enum DamagedContent {
    /// Marks the file when that is what `error` says.
    public static func mark(_ file: any StoredFile, after error: QueueFileError) {
        guard case .corrupt = error else { return }
        // Where even the mark fails, the next attempt finds the same.
        do { try file.setPermissions(QueueFileMode.corrupt) } catch {}
    }

    /// The same where it is not known what went wrong, or in which file: the content is read again.
    ///
    /// - Parameter dataOffset: offset of the first content record.
    public static func mark(_ file: any StoredFile, size: Int, dataOffset: Int) {
        do throws(QueueFileError) {
            let content = ContentReader(file: file, size: size, dataOffset: dataOffset, format: .text)
            while try content.nextChunk() != nil {}
        } catch {
            mark(file, after: error)
        }
    }
}
