/// Why a command ended without doing what was asked, for the person at the terminal.
struct Failure: Error, CustomStringConvertible {
    let description: String
    /// 1: refused or failed. 2: the command line is wrong. 3: the daemon cannot be reached.
    let status: Int32

    init(_ description: String, status: Int32 = 1) {
        self.description = description
        self.status = status
    }

    static func usage(_ text: String) -> Failure { Failure(text + " (see sluice --help)", status: 2) }
}
