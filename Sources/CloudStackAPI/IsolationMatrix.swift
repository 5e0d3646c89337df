import CloudTrace
import ControlPlane
import NetworkVocabulary
import Packets
import Planner
import RouterPlan

// Who reaches whom by the model, and the packets that show it. Nothing is sent.

extension Command {
    static let isolation: [Command] = [
        .read(
            "getIsolation", "Tells which networks reach each other and the outside, with the packets that show it",
            [Parameter("guests", .integer, "how many guests of each network take part; 1 when absent")],
            isAdminOnly: true
        ) { call throws(RequestError) in
            let guests = call.arguments.integer("guests") ?? 1
            guard (1...16).contains(guests) else {
                throw .invalid("guests", String(guests), call.command, because: "it is 1 to 16")
            }
            let planner = Planner(installation: call.view.installation, simulatesInternet: false)
            let found: Isolation
            do throws(PlanError) {
                found = try Isolation(call.cloud, planner, guests: guests)
            } catch {
                throw RequestError(.internal, exceptionCode: 4250, "A router cannot be planned: \(error)")
            }
            return ["isolation": .object(rendered(found, call))]
        }
    ]

    private static func rendered(_ isolation: Isolation, _ call: Call) -> APIObject {
        [
            "place": .array(
                isolation.places.map { place in
                    .object([
                        "name": .string(place.name), "account": place.account.map { .string($0) },
                        "port": .array(place.ports.map { .string($0) }),
                    ])
                }),
            "reach": .array(isolation.reach.map { .array($0.map { .string($0.rawValue) }) }),
            "leaks": .number(isolation.leaks.count),
            "probe": .array(
                isolation.probes.map { probe in
                    .object([
                        "number": .number(probe.number), "attempt": .string(probe.attempt),
                        "from": .string(probe.from), "to": .string(probe.to),
                        "packet": .string(probe.frame.line([.ip, .link])),
                        "frame": .string(probe.frame.bytes.hexadecimal),
                        "arrivals": .array(probe.arrivals.sorted().map { .string($0) }),
                        "reach": .string(probe.reach.rawValue), "counted": .boolean(probe.isCounted),
                        "reason": .text(probe.reasons.last.map(call.cloud.words)),
                    ])
                }),
        ]
    }
}
