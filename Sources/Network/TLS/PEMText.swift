import COpenSSL

/// The keys and certificates of a PEM file (RFC 7468), for those who look at them without using them.
package struct PEMText {
    package enum Item {
        case key
        case certificate(Certificate)
    }

    /// In the order of the file; what cannot be read is left out.
    package let items: [Item]

    package var certificates: [Certificate] {
        items.compactMap { if case .certificate(let certificate) = $0 { certificate } else { nil } }
    }

    package var holdsKey: Bool { items.contains { if case .key = $0 { true } else { false } } }

    package init(_ bytes: [UInt8]) {
        var items: [Item] = []
        ChainText.forEach(bytes) { type, data in
            if ChainText.isKey(type) {
                items.append(.key)
            } else if ChainText.isCertificate(type), let certificate = ChainText.certificate(data) {
                items.append(.certificate(Certificate(certificate)))
            }
        }
        LibraryErrors.discard()
        self.items = items
    }

    package final class Certificate {
        private let pointer: OpaquePointer

        fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

        deinit { X509_free(pointer) }

        /// Whole days until it ends; negative when it has.
        package var daysLeft: Int {
            let (days, seconds) = Self.away(X509_get0_notAfter(pointer))
            return seconds < 0 && days == 0 ? -1 : days
        }

        package var hasBegun: Bool {
            let (days, seconds) = Self.away(X509_get0_notBefore(pointer))
            return days < 0 || (days == 0 && seconds <= 0)
        }

        private static func away(_ time: UnsafePointer<ASN1_TIME>?) -> (days: Int, seconds: Int) {
            var days: CInt = 0
            var seconds: CInt = 0
            return ASN1_TIME_diff(&days, &seconds, nil, time) == 1 ? (Int(days), Int(seconds)) : (-1, 0)
        }

        /// Nil when the text has no key that can be read without a passphrase.
        package func belongs(toKeyIn text: [UInt8]) -> Bool? {
            guard let bio = BIO_new_mem_buf(text, CInt(clamping: text.count)) else { return nil }
            defer {
                BIO_free(bio)
                LibraryErrors.discard()
            }
            // A key with a passphrase would make OpenSSL ask the terminal.
            guard let key = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else { return nil }
            defer { EVP_PKEY_free(key) }
            return X509_check_private_key(pointer, key) == 1
        }
    }
}
