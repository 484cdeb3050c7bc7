import MailSystem

/// Messages whose content is no longer what was written.
public enum DamagedContent {
    /// Marks a queue file whose content has no right end, so that the queue manager moves it to `corrupt` instead of trying it
    /// until it is too old. One that could not be read for a moment is not damaged: it is read again to know. Blocks.
    ///
    /// - Parameter dataOffset: offset of the first content record.
    public static func mark(_ file: any StoredFile, size: Int, dataOffset: Int) {
        do throws(QueueFileError) {
            let content = ContentReader(file: file, size: size, dataOffset: dataOffset, format: .text)
            while try content.nextChunk() != nil {}
        } catch .corrupt {
            // Where even the mark fails, the next attempt finds the same.
            do { try file.setPermissions(QueueFileMode.corrupt) } catch {}
        } catch {}
    }
}
