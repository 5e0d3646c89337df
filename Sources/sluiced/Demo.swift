import CloudModel
import ControlPlane
import Glibc
import LinuxKernel
import NetworkVocabulary

/// The demo profile: a small cloud to poke, and what to poke it with.
enum Demo {
    static func build(_ daemon: Daemon, _ options: Options, _ home: DataHome) throws {
        let reports = try Inbox<SubmissionReport>()
        let installation = daemon.service.view.installation
        daemon.service.submit(
            .applyCloud(.init(file: .demo)), caller: Caller(account: installation, isRootAdmin: true), dryRun: false
        ) { reports.send($0) }
        while let received = reports.receive(timeout: .seconds(60)), !received.isEmpty {
            for report in received {
                switch report {
                case .durable: continue
                case .realized:
                    print(hints(daemon, options, home))
                    fflush(nil)
                    return
                case .refused(let error), .failed(let error):
                    throw StartFailure("the demo cloud was refused: \(error)")
                }
            }
        }
        throw StartFailure("the demo cloud is not in the kernel after a minute")
    }

    private static func hints(_ daemon: Daemon, _ options: Options, _ home: DataHome) -> String {
        let cloud = daemon.service.view.cloud
        let guest = cloud.guests.values.min { $0.number < $1.number }?.instanceName ?? "-"
        let router = cloud.routers.values.min { $0.number < $1.number }?.name ?? "-"
        return "\(guest) \(router) \(home.path)"
    }
}
