// SPDX-License-Identifier: Apache-2.0

import PluginServer

/// Whether plugind can do its work: the answer to `GET /health`.
public struct Health: Codable, Hashable, Sendable {
    /// What owns pools, addresses, networks and endpoints answers.
    public var live: Bool
    /// Live, and nothing speaks against the next call's success.
    public var ready: Bool
    /// Why it is not live or not ready.
    public var reasons: [String]

    public init(live: Bool, ready: Bool, reasons: [String]) {
        self.live = live
        self.ready = ready
        self.reasons = reasons
    }
}

extension ControlRouter {
    /// What monitoring asks. It gives away no more than names of pools, networks and bridges.
    public mutating func onMetrics(_ metrics: Metrics) {
        onUnversioned("GET", "/metrics") {
            SocketReply(status: 200, contentType: MetricText.contentType, body: Array(await metrics.text().utf8))
        }
        onUnversioned("GET", "/health") {
            let health = await metrics.health()
            return SocketReply(
                status: health.live && health.ready ? 200 : 503, contentType: ControlAPI.contentType,
                body: try ControlAPI.encode(health))
        }
    }
}
