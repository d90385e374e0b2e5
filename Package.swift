// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let cSettings: [CSetting] = [
    .unsafeFlags(["-Wall", "-Wextra", "-Werror"])
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "plugind",
    products: [
        .executable(name: "plugind", targets: ["plugind"]),
        // For Benchmarks/, which is a package of its own.
        .library(name: "IPAM", targets: ["Addressing", "Events", "IPAM", "Store"]),
        .library(name: "Requests", targets: ["Addressing", "NetDriver", "PluginKit", "PluginServer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "Cmnl", pkgConfig: "libmnl", providers: [.apt(["libmnl-dev"])]),
        .systemLibrary(name: "Cnftables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
        .target(name: "CNetlink", dependencies: ["Cmnl"], cSettings: cSettings),
        .target(name: "CFootprint", cSettings: cSettings),
        .target(name: "Addressing", swiftSettings: swiftSettings),
        // Fault points are in debug builds only.
        .target(
            name: "Faults", swiftSettings: swiftSettings + [.define("FAULT_POINTS", .when(configuration: .debug))]),
        .target(
            name: "HostNetwork", dependencies: ["Addressing", "CNetlink", "Cnftables", "Faults"],
            swiftSettings: swiftSettings),
        .target(
            name: "Store",
            dependencies: ["Addressing", "Faults", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: swiftSettings),
        .target(name: "PluginKit", dependencies: [logging], swiftSettings: swiftSettings),
        .target(
            name: "PluginServer",
            dependencies: [
                "Addressing", "PluginKit", logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOExtras", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),
        .target(name: "Events", dependencies: ["Addressing"], swiftSettings: swiftSettings),
        .target(
            name: "IPAM", dependencies: ["Addressing", "Events", "PluginKit", "Store", logging],
            swiftSettings: swiftSettings),
        .target(
            name: "NetDriver",
            dependencies: ["Addressing", "Events", "HostNetwork", "PluginKit", "Store", logging],
            swiftSettings: swiftSettings),
        .target(
            name: "SocketClient",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings),
        .target(name: "Diagnosis", swiftSettings: swiftSettings),
        .target(
            name: "Garbage",
            dependencies: [
                "Addressing", "Events", "IPAM", "NetDriver", "PluginKit", "SocketClient", "Store", logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "PortForwarding",
            dependencies: [
                "Addressing", "HostNetwork", logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Control",
            dependencies: [
                "Addressing", "Events", "Garbage", "HostNetwork", "IPAM", "NetDriver", "PluginKit", "PluginServer",
                "SocketClient", "Store", logging,
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "plugind",
            dependencies: [
                "Addressing", "CFootprint", "Control", "Diagnosis", "Events", "Garbage", "HostNetwork", "IPAM",
                "NetDriver", "PluginKit",
                "PluginServer",
                "PortForwarding", "SocketClient", "Store", logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "TestSupport", dependencies: ["Addressing", "HostNetwork", "PluginKit", "Store", logging],
            path: "Tests/TestSupport",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "AddressingTests", dependencies: ["Addressing", "TestSupport"], swiftSettings: swiftSettings),
        .testTarget(
            name: "NetlinkTests", dependencies: ["Addressing", "HostNetwork", "CNetlink"],
            swiftSettings: swiftSettings),
        .testTarget(name: "StoreTests", dependencies: ["Addressing", "Store"], swiftSettings: swiftSettings),
        .testTarget(
            name: "PluginKitTests", dependencies: ["PluginKit", "TestSupport", logging], swiftSettings: swiftSettings),
        .testTarget(
            name: "PluginServerTests",
            dependencies: [
                "Addressing", "PluginKit", "PluginServer", logging,
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "IPAMTests",
            dependencies: ["Addressing", "Events", "IPAM", "PluginKit", "Store", "TestSupport", logging],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "NetDriverTests",
            dependencies: ["Addressing", "HostNetwork", "NetDriver", "PluginKit", "Store", "TestSupport", logging],
            swiftSettings: swiftSettings),
        .testTarget(name: "EventsTests", dependencies: ["Addressing", "Events"], swiftSettings: swiftSettings),
        .testTarget(
            name: "GarbageTests",
            dependencies: [
                "Addressing", "Garbage", "HostNetwork", "IPAM", "NetDriver", "PluginKit", "Store", "TestSupport",
                logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(name: "DiagnosisTests", dependencies: ["Diagnosis"], swiftSettings: swiftSettings),
        .testTarget(
            name: "PortForwardingTests", dependencies: ["Addressing", "HostNetwork", "PortForwarding", logging],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ModelTests",
            dependencies: ["Addressing", "HostNetwork", "IPAM", "NetDriver", "Store", "TestSupport", logging],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ControlTests",
            dependencies: [
                "Addressing", "Control", "Events", "Garbage", "HostNetwork", "IPAM", "NetDriver", "PluginKit",
                "PluginServer", "SocketClient", "Store", "TestSupport", logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "PlugindTests",
            dependencies: [
                "Addressing", "Control", "Garbage", "IPAM", "NetDriver", "PluginKit", "PluginServer", "plugind",
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings),
    ]
)

// Fuzzing links libFuzzer, and watches every branch of what it builds: `scripts/fuzz.sh` builds it, beside the rest.
if Context.environment["PLUGIND_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "FuzzJSON",
            dependencies: [
                "Addressing", "HostNetwork", "IPAM", "NetDriver", "PluginKit", "Store", "TestSupport", logging,
            ],
            path: "Tests/Fuzz/json", exclude: ["json.dict"],
            swiftSettings: swiftSettings))
}
