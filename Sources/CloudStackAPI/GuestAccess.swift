import CloudModel
import ControlPlane
import NetworkVocabulary

// How people get into machines: passwords and keys.
extension Command {
    static let guestAccess: [Command] = [
        .change(
            "resetPasswordForVirtualMachine", "Has a stopped machine take another password when it starts",
            isAsync: true,
            [
                .id("listVirtualMachines", "the machine"), Parameter("password", "a new one is made up when absent"),
            ]
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("id")
            let keys = call.cloud.guests[id]?.keys.map(\.key) ?? []
            return .machine(
                .resetPassword(id, call.newPassword(for: keys, chosen: call.arguments.string("password"))))
        } reply: {
            renderedGuest($0, $1)
        },
        .read(
            "getVMPassword", "Shows a machine's password, encrypted with its SSH key",
            [.id("listVirtualMachines", "the machine")]
        ) { call throws(RequestError) in
            guard let guest = try call.visible("id", in: call.cloud.guests, by: \.account) else {
                throw .missing("id", call.command)
            }
            guard let encrypted = guest.password?.encrypted else {
                throw .refused(
                    "id",
                    "No password for VM with id '\(guest.id)' found. When VM's SSH keypair is changed, the current "
                        + "encrypted password is lost.")
            }
            return ["password": .object(["encryptedpassword": .string(encrypted)])]
        },
        .change(
            "resetSSHKeyForVirtualMachine", "Gives a stopped machine other keys, and another password if it takes one",
            isAsync: true, [.id("listVirtualMachines", "the machine")] + Parameter.keyPairs + .owner
        ) { call throws(RequestError) in
            let id = try call.arguments.requiredID("id")
            let names = call.keyPairNames
            let keys = call.cloud.guests[id].map { call.keys(named: names, of: $0.account) } ?? []
            return .machine(
                .resetKeys(.init(guest: id, keyPairs: names, password: call.newPassword(for: keys))))
        } reply: {
            renderedGuest($0, $1)
        },
    ]
}

extension Parameter {
    static let keyPairs = [
        Parameter("keypair", .string, related: "listSSHKeyPairs", "the name of a key pair"),
        Parameter("keypairs", .list, maxLength: 4_096, related: "listSSHKeyPairs", "names of key pairs"),
    ]
}

extension Call {
    var keyPairNames: [String] {
        (arguments.string("keypair").map { [$0] } ?? []) + arguments.list("keypairs")
    }

    /// Those that there are; a name without a key is refused when the request is decided.
    func keys(named names: [String], of account: ObjectID) -> [SSHPublicKey] {
        names.compactMap { cloud.sshKeyPair(named: $0, ofAccount: account)?.key }
    }
}
