#if DEBUG
    import Glibc
    import MailSystem

    /// Tries from inside a process what separation must refuse. Only in debug builds: a file `separation-probe` in the
    /// configuration directory has lines `PROCESS ACTION ARGUMENT`; each outcome is logged.
    struct SeparationProbe {
        private let steps: [(action: String, argument: String)]

        init(_ process: String, directory: String) {
            let bytes = (try? Files.read("\(directory)/separation-probe", limit: 1 << 16)) ?? []
            steps = bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
                let words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
                return words.count == 3 && words[0] == process ? (words[1], words[2]) : nil
            }
        }

        func run(_ log: MailLog) {
            for (action, argument) in steps {
                let outcome = attempt(action, argument)
                log.info("probe: \(action) \(argument): \(outcome == 0 ? "done" : String(cString: strerror(outcome)))")
            }
        }

        /// - Returns: an error number, 0 when it could be done.
        private func attempt(_ action: String, _ argument: String) -> CInt {
            switch action {
            case "read": return opening(argument, O_RDONLY)
            case "write": return opening(argument, O_WRONLY | O_CREAT)
            case "append": return opening(argument, O_WRONLY | O_APPEND)
            case "list":
                guard let stream = opendir(argument) else { return errno }
                closedir(stream)
                return 0
            case "remove": return unlink(argument) == 0 ? 0 : errno
            case "execute":
                var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(argument), nil]
                execv(argument, &arguments)
                return errno
            case "spawn":
                do {
                    _ = try Spawn(executable: argument, arguments: [argument], environment: [], descriptors: [:])
                        .start()
                    return 0
                } catch { return error.errno }
            case "trace":
                // Swift does not see functions with variable arguments.
                typealias Trace = @convention(c) (CInt, pid_t, Int, Int) -> Int
                guard let found = dlsym(nil, "ptrace") else { return ENOSYS }
                let attach: CInt = 16
                return unsafeBitCast(found, to: Trace.self)(attach, pid_t(argument) ?? 1, 0, 0) == 0 ? 0 : errno
            case "signal": return kill(pid_t(argument) ?? 1, 0) == 0 ? 0 : errno
            case "bind": return socket(UInt16(argument) ?? 0, listens: false)
            case "listen": return socket(UInt16(argument) ?? 0, listens: true)
            case "identity": return setuid(uid_t(argument) ?? 0) == 0 ? 0 : errno
            default: return EINVAL
            }
        }

        private func opening(_ path: String, _ flags: CInt) -> CInt {
            let descriptor = open(path, flags | O_CLOEXEC, 0o600)
            if descriptor < 0 { return errno }
            close(descriptor)
            return 0
        }

        private func socket(_ port: UInt16, listens: Bool) -> CInt {
            let descriptor = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { return errno }
            defer { close(descriptor) }
            if listens { return listen(descriptor, 1) == 0 ? 0 : errno }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            return status == 0 ? 0 : errno
        }
    }
#endif
