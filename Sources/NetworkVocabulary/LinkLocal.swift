extension IPv6Address {
    /// The link-local address that a machine with this MAC gives itself (RFC 4291, appendix A).
    public init(linkLocalOf mac: MACAddress) {
        let upper = mac.bits >> 24 ^ 0x02_0000
        self.init(high: 0xfe80_0000_0000_0000, low: upper << 40 | 0xff_fe00_0000 | mac.bits & 0xff_ffff)
    }
}
