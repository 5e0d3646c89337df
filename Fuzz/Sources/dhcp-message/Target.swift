import Packets

/// FZ1: what is read as a message is the same message after it was written and read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func target(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let message = DHCPMessage(parsing: bytes) else { return 0 }
    precondition(DHCPMessage(parsing: message.bytes) == message)
    return 0
}
