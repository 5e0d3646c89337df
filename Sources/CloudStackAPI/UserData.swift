import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let userData: [Command] = [
        .read(
            "getVirtualMachineUserData", "Shows what a machine reads as its user data",
            [Parameter("virtualmachineid", .uuid, required: true, related: "listVirtualMachines", "the machine")]
        ) { call throws(RequestError) in
            guard let guest = try call.visible("virtualmachineid", in: call.cloud.guests, by: \.account) else {
                throw .missing("virtualmachineid", call.command)
            }
            return [
                "virtualmachineuserdata": .object([
                    "virtualmachineid": .text(guest.id),
                    "userdata": call.cloud.content(of: guest.userData).map { .string($0.revealed) },
                ])
            ]
        },
        .change(
            "resetUserDataForVirtualMachine", "Gives a stopped machine other user data, or none", isAsync: false,
            [.id("listVirtualMachines", "the machine")] + Parameter.userData + .owner
        ) { call throws(RequestError) in
            .machine(.resetUserData(try call.arguments.requiredID("id"), try call.userDataChoice()))
        } reply: {
            renderedGuest($0, $1)
        },
        .change(
            "registerUserData", "Keeps user data under a name", isAsync: false,
            [
                Parameter("name", required: true, "its name"),
                Parameter("userdata", required: true, maxLength: 1_048_576, "what it says, in base64"),
                Parameter("params", "names of the variables that it has, with commas between them"),
            ] + .owner
        ) { call throws(RequestError) in
            let arguments = call.arguments
            return .machine(
                .registerUserData(
                    .init(
                        name: try arguments.required("name"), content: Secret(try arguments.required("userdata")),
                        parameters: arguments.list("params"), account: try call.account())))
        } reply: { _, outcome in
            outcome.answer("userdata", \.userDataDocuments) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listUserData", "Lists the user data that is kept under names",
            [
                Parameter("id", .uuid, related: "listUserData", "only this"),
                Parameter("name", "only what has this name"),
            ] + .scope
        ) { call throws(RequestError) in
            let found = try call.owned(call.cloud.userDataDocuments, by: \.account).filter { call.matches($0.name) }
            return try call.page("userdata", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "deleteUserData", "Forgets user data that no machine uses", isAsync: false,
            [.id("listUserData", "the user data")] + .owner
        ) { call throws(RequestError) in
            .machine(.deleteUserData(try call.arguments.requiredID("id")))
        } reply: { _, _ in
            .success
        },
    ]
}

extension UserDataDocument {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "userdata": .string(content.revealed),
            "params": parameters.isEmpty ? nil : .string(parameters.joined(separator: ",")),
            "accountid": .text(account),
        ]
        return object.owned(by: account, in: cloud)
    }
}

extension Cloud {
    /// Base64, whoever keeps it.
    func content(of userData: UserData?) -> Secret? {
        userData?.content ?? userData?.document.flatMap { userDataDocuments[$0] }?.content
    }
}
