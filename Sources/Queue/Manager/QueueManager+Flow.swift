import InternalProtocol
import NIOCore

/// In-flow control (postconf(5) in_flow_delay): while too many new messages wait to be opened, those who bring more
/// are held up, until the queue has caught up or their time is over.
extension QueueManager {
    /// New messages that may wait: enough to keep the queue busy while the others pause.
    static let backlogLimit = 512

    private var isBehind: Bool { intake.backlog > Self.backlogLimit }

    func flow(_ request: FlowRequest) async -> FlowReply {
        if isBehind, !isStopped, request.milliseconds > 0 {
            await withCheckedContinuation { continuation in
                lastFlowWaiter &+= 1
                let number = lastFlowWaiter
                flowWaiters[number] = continuation
                eventLoop.scheduleTask(in: .milliseconds(Int64(min(request.milliseconds, 10_000)))) { [self] in
                    assumeIsolated { $0.flowWaiters.removeValue(forKey: number)?.resume() }
                }
            }
        }
        return FlowReply(isBehind: isBehind && !isStopped)
    }

    /// Lets those who wait go on when the queue has caught up, or stops.
    func releaseFlow() {
        guard !flowWaiters.isEmpty, isStopped || intake.backlog <= Self.backlogLimit / 2 else { return }
        let waiters = flowWaiters
        flowWaiters = [:]
        for waiter in waiters.values { waiter.resume() }
    }
}
