import Configuration
import Lookup
import MailSyntax

/// default_rbl_reply and rbl_reply_maps: the reply for a listed client, with its `$names` filled in.
enum BlockListReply {
    static func make(_ check: Evaluation, site: BlockListSite, what: String, subject: Subject, reason: String) async
        -> Outcome
    {
        let template: String
        do {
            template = try await check.environment.tables.rblReplies.find(site.text) ?? check.settings.defaultRBLReply
        } catch {
            return check.tableFailed(subject.name)
        }
        let values = names(check, site: site, what: what, subject: subject, reason: reason)
        let text: String
        do {
            text = try MacroText.expand(template) { (name) throws(MacroError) in
                values[name].map { filtered($0, check.settings.expansionFilter) }
            }
        } catch {
            return check.misconfigured("\(site.text): rbl reply template: \(error.description)")
        }
        guard var reply = ServerReply(parsing: text), reply.code >= 400 else {
            return check.misconfigured("unexpected reply template for \(site.text): \(text)")
        }
        if reply.status == nil { reply.status = "5.7.1" }
        return check.refuse(reply.code, reply.status ?? "5.7.1", reply.lines.first ?? "")
    }

    private static func names(
        _ check: Evaluation, site: BlockListSite, what: String, subject: Subject, reason: String
    ) -> [String: String] {
        let facts = check.facts
        func parts(_ prefix: String, _ address: String?, _ into: inout [String: String]) {
            guard let address else { return }
            let (local, domain) = EmailAddress.split(address)
            into[prefix] = address
            into[prefix + "_name"] = local
            if let domain { into[prefix + "_domain"] = domain }
        }
        var values = [
            "client": facts.client.nameAndAddress, "client_address": facts.client.address,
            "client_name": facts.client.name, "client_port": facts.client.port,
            "reverse_client_name": facts.client.reverseName, "helo_name": facts.helo ?? "",
            "server_address": facts.serverAddress, "server_port": facts.serverPort,
            "rbl_code": String(check.settings.rblRejectCode), "rbl_domain": site.domain, "rbl_txt": reason,
            "rbl_reason": reason, "rbl_what": what, "rbl_class": subject.label,
        ]
        parts("sender", facts.sender, &values)
        parts("recipient", facts.recipient, &values)
        return values
    }

    /// Names come from clients and the DNS: what smtpd_expansion_filter does not list becomes `_`.
    static func filtered(_ text: String, _ allowed: Set<UInt8>) -> String {
        if text.utf8.allSatisfy({ allowed.contains($0) }) { return text }
        return String(decoding: text.utf8.map { allowed.contains($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }
}
