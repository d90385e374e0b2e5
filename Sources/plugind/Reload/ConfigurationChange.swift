// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginServer

/// A setting of which two configurations have different values.
struct ConfigurationChange: Hashable {
    let key: Configuration.Key
    /// For people. Of lists: what is not in the other one, or all of it, if only the order differs.
    let from: String
    let to: String
    /// What `to` is of.
    let value: WrittenSetting

    /// Nil if both have the same value.
    init?(of key: Configuration.Key, from old: Configuration, to new: Configuration) {
        let (before, after) = (old.written(key), new.written(key))
        guard before != after else { return nil }
        self.key = key
        from = before.words(without: after)
        to = after.words(without: before)
        value = after
    }
}

extension Configuration {
    /// What is different in `other`, in the order of the keys.
    func changes(to other: Configuration) -> [ConfigurationChange] {
        Key.allCases.compactMap { ConfigurationChange(of: $0, from: self, to: other) }
    }

    /// What a daemon that runs with this has after it was told to take `other`: what cannot change is as it was.
    func taking(_ other: Configuration) -> Configuration {
        var next = other
        next.name = name
        next.pluginDirectory = pluginDirectory
        next.tcpAddress = tcpAddress
        // With or without TLS a listener stays; and one that others than this host reach goes on asking for certificates.
        let isReachedByOthers = tcpAddress.map { !$0.address.isLoopback } ?? false
        if (tls.files == nil) != (other.tls.files == nil) || (isReachedByOthers && other.tls.clientAuth == .off) {
            next.tls = tls
        }
        next.stateDirectory = stateDirectory
        next.controlSocket = controlSocket
        next.macClaims = macClaims
        return next
    }
}

extension WrittenSetting {
    fileprivate func words(without other: WrittenSetting) -> String {
        guard case .list(let own) = self, case .list(let others) = other, Set(own) != Set(others) else { return words }
        return WrittenSetting.list(own.filter { !others.contains($0) }).words
    }
}
