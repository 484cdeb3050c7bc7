import Glibc
import Lookup
import MailSystem
import Submission

/// Makes a table from its source, or adds entries to one.
struct TableBuilder<Dialect: TableDialect> {
    private let command: TableCommand<Dialect>

    init(_ command: TableCommand<Dialect>) { self.command = command }

    private var options: TableCommandOptions { command.options }

    func build(_ table: TableSpecification) throws(CommandFailure) {
        if table.type == "proxy", !options.incremental {
            throw CommandFailure("can't create maps via the proxy service")
        }
        let path = options.incremental ? "stdin" : table.name
        let descriptor = options.incremental ? STDIN_FILENO : open(table.name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandFailure("open \(path): \(Self.reason)") }
        defer { if !options.incremental { close(descriptor) } }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw CommandFailure("fstat \(path): \(Self.reason)") }

        let oldMask = umask(0o022)
        defer { umask(oldMask) }
        if !options.incremental, !options.defaultPermissions {
            // Group and others may do with the table what they may do with its source.
            umask(~status.st_mode & 0o077)
        }
        let privileges = try releasePrivileges(to: status)
        defer { if privileges { Self.regainPrivileges() } }

        let source: [UInt8]
        do {
            source = options.incremental ? StandardInput().readAll() : try Files.read(table.name)
        } catch {
            throw CommandFailure("read \(path): \(error.reason)")
        }
        // A table half written because somebody pressed ^C would be worse than one that is a moment late.
        let blocked = Self.blockSignals()
        defer { Self.restoreSignals(blocked) }
        try fill(table, source, path)
    }

    private static var reason: String { String(cString: strerror(errno)) }

    private func fill(_ table: TableSpecification, _ source: [UInt8], _ path: String) throws(CommandFailure) {
        guard TableTypes.canCreate(table.type) else {
            throw CommandFailure(
                TableTypes.names.contains(table.type)
                    ? "unsupported dictionary type: \(table.type) does not support bulk-mode creation."
                    : TableTypes.unsupported(table.type).reason)
        }
        var settings = command.opener.settings
        settings.expectedCount = source.count { $0 == 0x0A }
        settings.expectedSize = source.count
        let opener = TableOpener(settings: settings, log: command.context.log)
        // Keys are folded here: the entries that Postfix adds to an alias table are not.
        let mode: TableOptions = options.incremental ? [.writable, .createIfMissing] : [.writable, .create]
        let tableOptions = command.tableOptions.union(mode).subtracting(.foldKeys)
        let opened: any LookupTable
        do {
            opened = try opener.openUnchecked(command.checked(table), options: tableOptions)
        } catch {
            throw CommandFailure(error.reason)
        }
        guard let updatable = opened as? any UpdatableTable else {
            throw CommandFailure("unsupported dictionary type: \(table.type) does not support bulk-mode creation.")
        }
        let log = command.context.log
        CommandTrace.tell("\(path): \(source.count) bytes")
        CommandTrace.tell("\(options.incremental ? "change" : "make") \(updatable.fileName)")
        try Dialect.store(source, path: path, options: command.tableOptions, warn: log.warning) {
            (key, value) throws(CommandFailure) in
            try store(fold(key), value, in: updatable)
        }
        for (key, value) in Dialect.ownEntries(command.context.parameters) {
            try storeAnew(key, value, in: updatable)
        }
        do throws(LookupError) { try updatable.close() } catch {
            throw CommandFailure("close database \(updatable.fileName): \(error.reason)")
        }
    }

    private func store(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, in table: any UpdatableTable
    ) throws(CommandFailure) {
        do throws(LookupError) {
            if try table.update(key, value) == .stored {
                CommandTrace.tell(
                    level: 2, "\(table.fileName): \(CommandTrace.quoted(key)): \(CommandTrace.quoted(value))")
                return
            }
        } catch {
            throw command.failure(table, "write", error)
        }
        if options.table.contains(.ignoreDuplicates) { return }
        command.context.log.warning("\(table.fileName): duplicate entry: \"\(Utf8Text.shown(key))\"")
    }

    /// Over an earlier value, whatever the options say.
    private func storeAnew(
        _ key: [UInt8], _ value: [UInt8], in table: any UpdatableTable
    ) throws(CommandFailure) {
        do throws(LookupError) {
            guard try table.update(key, value) == .duplicate, options.incremental else { return }
            _ = try table.delete(key)
            _ = try table.update(key, value)
        } catch {
            throw command.failure(table, "write", error)
        }
    }

    private func fold(_ key: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard options.table.contains(.foldKeys) else { return key }
        return CaseFolding.fold(key, utf8: command.tableOptions.contains(.utf8))
    }

    /// The super-user becomes the owner of the source, so that a source in a user's directory gives no way to write
    /// where the user may not.
    private func releasePrivileges(to status: stat) throws(CommandFailure) -> Bool {
        guard !options.keepsPrivileges, geteuid() == 0, status.st_uid != 0 else { return false }
        guard setegid(status.st_gid) == 0, seteuid(status.st_uid) == 0 else {
            throw CommandFailure("set_eugid: uid \(status.st_uid) gid \(status.st_gid): \(Self.reason)")
        }
        return true
    }

    private static func regainPrivileges() {
        seteuid(0)
        setegid(getgid())
    }

    private static func blockSignals() -> sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP] { sigaddset(&signals, signal) }
        var old = sigset_t()
        pthread_sigmask(SIG_BLOCK, &signals, &old)
        return old
    }

    private static func restoreSignals(_ old: sigset_t) {
        var signals = old
        pthread_sigmask(SIG_SETMASK, &signals, nil)
    }
}
