// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "plugind",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .target(name: "Addressing", swiftSettings: swiftSettings),
        .target(
            name: "Store",
            dependencies: ["Addressing", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: swiftSettings),
        .target(name: "PluginKit", dependencies: [logging], swiftSettings: swiftSettings),
        .target(
            name: "TestSupport", dependencies: ["Addressing", "PluginKit", "Store"], path: "Tests/TestSupport",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "AddressingTests", dependencies: ["Addressing", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(name: "StoreTests", dependencies: ["Addressing", "Store"], swiftSettings: swiftSettings),
        .testTarget(
            name: "PluginKitTests", dependencies: ["PluginKit", "TestSupport", logging], swiftSettings: swiftSettings),
    ]
)
