import Glibc
import Synchronization

/// One blocking call on a thread of its own, so that the terminal can hear something meanwhile.
final class BackgroundCall: Sendable {
    typealias Body = @Sendable () throws(Failure) -> JSONValue

    private let result = Mutex<Result<JSONValue, Failure>?>(nil)
    private let body: Body

    init(_ body: @escaping Body) {
        self.body = body
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let failure = pthread_create(&thread, nil, runBackgroundCall, context.toOpaque())
        if failure == 0 {
            pthread_detach(thread)
        } else {
            // Without a thread it is done here and now.
            context.release()
            run()
        }
    }

    fileprivate func run() {
        let outcome: Result<JSONValue, Failure>
        do throws(Failure) {
            outcome = .success(try body())
        } catch {
            outcome = .failure(error)
        }
        result.withLock { $0 = outcome }
    }

    /// The result once it is there, waiting for it at most so long.
    func wait(milliseconds: Int) -> Result<JSONValue, Failure>? {
        for _ in 0..<max(1, milliseconds / 5) {
            if let result = result.withLock({ $0 }) { return result }
            usleep(5_000)
        }
        return nil
    }
}

private func runBackgroundCall(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<BackgroundCall>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
