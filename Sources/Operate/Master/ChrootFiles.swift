import Configuration
import Glibc
import MailSystem

/// The files that name services and the time zone need inside the queue directory when services are chrooted there,
/// as Debian's start script copies them.
enum ChrootFiles {
    static let names = [
        "etc/localtime", "etc/services", "etc/resolv.conf", "etc/hosts", "etc/host.conf", "etc/nsswitch.conf",
        "etc/nss_mdns.config",
    ]

    /// Copies what exists and differs. Nothing happens without chrooted services or without root.
    static func synchronize(_ parameters: Parameters, _ master: MasterConfiguration) throws(SystemError) {
        guard Privileges.isRoot, master.services.contains(where: \.isChrooted) else { return }
        let root = parameters["queue_directory"]
        try Files.makeDirectories("\(root)/etc")
        for name in names { try copy("/\(name)", to: "\(root)/\(name)") }
        // ISO zones are looked up by name there.
        let zone = "\(root)/usr/lib/zoneinfo"
        try Files.makeDirectories(zone)
        unlink("\(zone)/localtime")
        if symlink("/etc/localtime", "\(zone)/localtime") != 0 {
            throw SystemError("make link", path: "\(zone)/localtime")
        }
    }

    private static func copy(_ source: String, to target: String) throws(SystemError) {
        guard Files.status(source)?.isRegularFile == true else { return }
        let bytes = try Files.read(source, limit: 64 << 20)
        if let old = try? Files.read(target, limit: 64 << 20), old == bytes { return }
        try Files.writeAtomically(bytes, to: target, permissions: 0o644)
    }
}
