import Configuration
import Foundation
import MailSyntax
import Receive

enum PostscreenHarness {
    private struct Case: Decodable {
        struct Reply: Decodable {
            var domain: String
            var addresses: [String]
            var ttl: Int
        }

        var name: String
        var postscreen_dnsbl_sites: String
        var client_address: String
        var replies: [Reply]
    }

    private static let minimumTimeToLive = 60
    private static let maximumTimeToLive = 3600

    static func run(_ console: Console) async {
        for line in console.lines() {
            guard let test = try? JSONDecoder().decode(Case.self, from: Data(line.utf8)) else {
                console.log.warning("bad case: \(line)")
                continue
            }
            do throws(BlockListScore.Problem) {
                let lists = try BlockListScore(
                    sites: ListSetting.split(test.postscreen_dnsbl_sites), minimumTimeToLive: minimumTimeToLive,
                    maximumTimeToLive: maximumTimeToLive)
                let replies = test.replies.map {
                    BlockListScore.Reply(
                        domain: $0.domain, addresses: $0.addresses.compactMap { IPAddress($0) }, timeToLive: $0.ttl)
                }
                let (score, time) = lists.evaluate(replies)
                console.print("\(test.name): score=\(score) ttl=\(time)")
            } catch {
                console.log.fatal(error.text)
            }
        }
    }
}
