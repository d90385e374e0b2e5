// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1

/// The answer to `POST /v1/reload`: what is different in the configuration.
public struct ReloadAnswer: Codable, Hashable, Sendable {
    /// Those that have another value, in the order of the example file.
    public var settings: [ReloadedSetting]
    /// What keeps reservations from being what the configuration says, in words.
    public var remarks: [String]

    public init(settings: [ReloadedSetting], remarks: [String]) {
        self.settings = settings
        self.remarks = remarks
    }
}

/// A setting that has another value.
public struct ReloadedSetting: Codable, Hashable, Sendable {
    /// Its key in the file.
    public var setting: String
    /// Of lists: the entries that went, and those that came.
    public var from: String
    public var to: String
    /// It holds now. False for what waits for the next start.
    public var applied: Bool

    public init(setting: String, from: String, to: String, applied: Bool) {
        self.setting = setting
        self.from = from
        self.to = to
        self.applied = applied
    }
}

extension ControlRouter {
    /// `reload` has the daemon read its configuration anew, and take it.
    public mutating func onReload(_ reload: @escaping @Sendable () async throws -> ReloadAnswer) {
        on("POST", "/reload") { _ in try await reload() }
    }
}

extension ControlClient {
    /// Has the daemon read its configuration anew, and take what has changed.
    public func reload() async throws(ControlFailure) -> Answer<ReloadAnswer> {
        try await ask(.POST, "/reload")
    }
}
