import TLS

/// What posttls-finger says of a TLS session, in Postfix's words. Pure.
struct TLSReport {
    let options: FingerOptions
    /// The level in force: without usable TLSA records, dane is secure.
    let level: FingerOptions.Level
    /// `mx.example.com[192.0.2.1]:25`
    let peer: String
    let info: TLSSessionInfo
    /// Of fingerprints.
    let digest: String
    /// `-r`: a second look at the same server says less.
    let isAgain: Bool

    var fingerprint: String? {
        guard level == .fingerprint, let certificate = info.peerCertificate else { return nil }
        return FingerprintMatch.find(certificate, in: options.matches)
    }

    /// Fingerprints of another length than the digest has.
    private var unusable: [String] {
        guard level == .fingerprint, let length = FingerprintMatch.length(of: digest) else { return [] }
        return options.matches.map { FingerprintMatch.normalized($0) }.filter { $0.utf8.count != length * 2 }
    }

    /// The word of the summary.
    private var word: String {
        guard let certificate = info.peerCertificate else { return "Anonymous" }
        if level == .fingerprint { return fingerprint != nil ? "Verified" : "Untrusted" }
        if certificate.isVerified { return "Verified" }
        return info.chain?.errorCode == 0 && certificate.isTrusted ? "Trusted" : "Untrusted"
    }

    /// Lines in the order in which they are said; `warning` when the last part is true.
    var lines: [(text: String, isWarning: Bool)] {
        var lines: [(String, Bool)] = []
        func say(_ text: String) { lines.append((text, false)) }
        if info.isResumed, options.log.contains(.cache) || isAgain {
            say("\(peer): Reusing old session")
            if level.proves, problem != nil {
                say("\(peer): re-using session with untrusted certificate, look for details earlier in the log")
            }
        }
        if !isAgain {
            if options.log.contains(.verbose), let chain = info.chain {
                let verify = chain.errorCode == 0 ? 1 : 0
                for (depth, certificate) in chain.certificates.enumerated().reversed() {
                    say("\(peer): depth=\(depth) verify=\(verify) subject=\(certificate.subject)")
                }
            }
            if options.log.contains(.certificateMatch) { matches.forEach(say) }
            if !unusable.isEmpty {
                for text in unusable {
                    for selector in [1, 0] {
                        // 255 is for private use: the digest's name does not stand in the DNS.
                        lines.append(("\(peer): unusable TLSA RR: 3 \(selector) 255 \(text)", true))
                    }
                }
                if unusable.count == options.matches.count {
                    lines.append(("\(peer): all fingerprints unusable", true))
                }
            }
            if level.proves || options.log.contains(.untrusted), let problem { say(problem) }
            if options.log.contains(.peerCertificate) || options.log.contains(.certificateMatch),
                let certificate = info.peerCertificate
            {
                say(
                    "\(peer): subject_CN=\(certificate.commonName), issuer_CN=\(certificate.issuer),"
                        + " fingerprint=\(certificate.fingerprint), pkey_fingerprint=\(certificate.publicKeyFingerprint)"
                )
            }
        }
        if options.log.contains(.summary) || isAgain {
            var named = info
            named.serverName = ""
            let summary = named.logSummary(peer: peer)
            // The library's own word does not know fingerprints.
            let rest = summary.drop { $0 != " " }
            say(word + rest)
        }
        return lines
    }

    private var matches: [String] {
        var lines: [String] = []
        if let fingerprint { lines.append("\(peer): Matched fingerprint: \(fingerprint)") }
        if let dane = info.daneMatch {
            let what = dane.record.usage == 3 ? "EE" : "TA"
            let thing = dane.record.selector == 0 ? "certificate" : "public key"
            lines.append("\(peer): Matched DANE \(what) \(thing) at depth \(dane.depth): \(dane.record.text)")
        }
        guard let chain = info.chain, chain.errorCode == 0 else { return lines }
        if level.proves, !chain.matchedName.isEmpty { lines.append("\(peer): matched peername: \(chain.matchedName)") }
        if let depth = chain.anchorDepth { lines.append("\(peer): Matched trust anchor at depth \(depth)") }
        return lines
    }

    /// Why the certificate does not prove what it should; nil when it does.
    private var problem: String? {
        guard let chain = info.chain else { return nil }
        if level == .fingerprint {
            if fingerprint != nil { return nil }
            if !options.matches.isEmpty, unusable.count == options.matches.count {
                return
                    "server certificate verification failed for \(peer): num=1:unspecified certificate verification error"
            }
            if !options.matches.isEmpty {
                return "server certificate verification failed for \(peer): num=65:no matching DANE TLSA records"
            }
        }
        guard chain.errorCode != 0 else { return nil }
        if let issuer = chain.untrustedIssuer {
            return "certificate verification failed for \(peer): untrusted issuer \(issuer)"
        }
        if chain.isSelfSigned { return "certificate verification failed for \(peer): self-signed certificate" }
        if chain.isEarly { return "server certificate verification failed for \(peer): certificate not yet valid" }
        if chain.hasExpired { return "server certificate verification failed for \(peer): certificate has expired" }
        if chain.hasOtherPurpose {
            return "certificate verification failed for \(peer): not designated for use as a server certificate"
        }
        return "server certificate verification failed for \(peer): num=\(chain.errorCode):\(chain.errorText)"
    }

    /// `-C`
    var chainText: String {
        guard let chain = info.chain else { return "" }
        var text = "\n---\nCertificate chain\n"
        for (number, certificate) in chain.certificates.enumerated() {
            text += """
                 \(number) subject: \(certificate.subject)
                    issuer: \(certificate.issuer)
                   cert digest=\(certificate.fingerprint)
                   pkey digest=\(certificate.publicKeyFingerprint)
                \(certificate.pem)
                """
        }
        return text
    }
}
