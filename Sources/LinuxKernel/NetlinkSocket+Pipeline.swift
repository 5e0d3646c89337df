internal import CLinux
internal import Glibc

extension NetlinkSocket {
    /// Sends changes that do not depend on each other, many in one datagram, and reports the kernel's refusals. The
    /// kernel works through all of them, whatever it refuses.
    func changeEach(
        _ operation: String, _ count: Int, _ object: (Int) -> String, _ type: Int, _ flags: Int32 = 0,
        _ build: (NetlinkMessage, Int) -> Void, refused: (KernelError) -> Void
    ) throws(KernelError) {
        var bytes: [UInt8] = []
        var next = 0
        let most = refusalsThatFit
        while next < count {
            let group = next..<min(next + most, count)
            bytes.removeAll(keepingCapacity: true)
            for position in group {
                // Refusals are always told. The last one's success too: it says that all were worked through.
                scratch.message.begin(type, position == group.upperBound - 1 ? flags | NLM_F_ACK : flags)
                build(scratch.message, position)
                try appendMessage(to: &bytes, operation, { object(position) })
            }
            counters.writes += group.count
            try sendAll(bytes, operation)
            let last = sequence
            try receiveVerdicts(until: last, operation) { number, failure in
                let distance = Int(last &- number)
                guard distance < group.count else { return }
                refused(
                    KernelError(
                        operation: operation, object: object(group.upperBound - 1 - distance), errno: failure.errno,
                        explanation: failure.text))
            }
            next = group.upperBound
        }
    }

    /// As many answers as the receive buffer has room for, whatever the kernel takes for one: it drops those without, and
    /// a dropped refusal would look like success.
    private var refusalsThatFit: Int {
        var size: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, &length)
        return min(max(Int(size) / 2048, 1), 128)
    }

    private func appendMessage(
        to bytes: inout [UInt8], _ operation: String, _ object: () -> String
    ) throws(KernelError) {
        let head = try stamp(operation, object)
        let length = Int(head.pointee.nlmsg_len)
        bytes += UnsafeRawBufferPointer(start: head, count: length)
        bytes += repeatElement(0, count: netlinkAligned(length) - length)
    }

    private func sendAll(_ bytes: [UInt8], _ operation: String) throws(KernelError) {
        while Glibc.send(descriptor, bytes, bytes.count, 0) < 0 {
            guard errno == EINTR else { throw .last(operation, "") }
        }
    }

    private func receiveVerdicts(
        until last: UInt32, _ operation: String, _ refused: (UInt32, (errno: Int32, text: String)) -> Void
    ) throws(KernelError) {
        while true {
            var datagram = try nextDatagram(operation) { "" }
            var isAnswered = false
            while let (head, payload) = datagram.next() {
                guard head.nlmsg_type == NLMSG_ERROR else { continue }
                if let failure = failure(head, payload) { refused(head.nlmsg_seq, failure) }
                if head.nlmsg_seq == last { isAnswered = true }
            }
            if isAnswered { return }
        }
    }
}
