import COpenSSL
import Configuration
import Lookup
import MailSystem
import Synchronization

/// The real files that `postfix check` looks at.
struct CheckedFiles: DeepCheck.Files {
    let parameters: Parameters

    func openingProblems(_ table: String) -> (failure: String?, warnings: [String]) {
        let lines = WarningLines()
        let opener = TableOpener(
            settings: TableSettings(parameters: parameters, checksProxy: false), log: MailLog(tag: "", sink: lines))
        do {
            _ = try opener.openUnchecked(TableSpecification(table))
            return (nil, lines.all)
        } catch {
            return (error.reason, [])
        }
    }

    func status(_ path: String) -> FileStatus? { Files.status(path) }

    /// Nil when one of them cannot be read as PEM.
    func certificate(_ path: String, key: String) -> CertificateFacts? {
        guard let file = BIO_new_file(path, "r") else { return nil }
        defer { BIO_free(file) }
        guard let certificate = PEM_read_bio_X509(file, nil, nil, nil) else { return nil }
        defer { X509_free(certificate) }
        guard let keyFile = BIO_new_file(key, "r") else { return nil }
        defer { BIO_free(keyFile) }
        // A key with a passphrase would make OpenSSL ask the terminal.
        guard let privateKey = PEM_read_bio_PrivateKey(keyFile, nil, { _, _, _, _ in -1 }, nil) else { return nil }
        defer { EVP_PKEY_free(privateKey) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else { return nil }
        let left = seconds < 0 && days == 0 ? -1 : Int(days)
        return CertificateFacts(daysLeft: left, matchesKey: X509_check_private_key(certificate, privateKey) == 1)
    }
}

/// What a table says while it is opened.
private final class WarningLines: LogSink {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func write(_ record: LogRecord) {
        // The first few tell enough: a file of the wrong kind has many bad lines.
        lines.withLock { if $0.count < 10 { $0.append(record.text) } }
    }
}
