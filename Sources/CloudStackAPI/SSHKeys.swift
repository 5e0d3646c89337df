import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let sshKeys: [Command] = [
        .change(
            "createSSHKeyPair", "Makes an SSH key, and shows its private half this once", isAsync: false,
            [Parameter("name", required: true, "its name")] + .owner, isCostly: true
        ) { call throws(RequestError) in
            guard let (key, privateKey) = call.api.surroundings.keymaker.makeKey() else {
                throw RequestError(.internal, exceptionCode: 4250, "The system could not make a key")
            }
            return .machine(
                .registerKeyPair(
                    .init(
                        name: try call.arguments.required("name"), publicKey: key.description, privateKey: privateKey,
                        account: try call.account())))
        } reply: {
            renderedKeyPair($0, $1)
        },
        .change(
            "registerSSHKeyPair", "Keeps a public SSH key under a name", isAsync: false,
            [
                Parameter("name", required: true, "its name"),
                Parameter("publickey", required: true, maxLength: 5_120, "a line of authorized_keys"),
            ] + .owner
        ) { call throws(RequestError) in
            .machine(
                .registerKeyPair(
                    .init(
                        name: try call.arguments.required("name"), publicKey: try call.arguments.required("publickey"),
                        account: try call.account())))
        } reply: {
            renderedKeyPair($0, $1)
        },
        .list(
            "listSSHKeyPairs", "Lists SSH keys",
            [
                Parameter("id", .uuid, related: "listSSHKeyPairs", "only this key"),
                Parameter("name", "only the key of this name"),
                Parameter("fingerprint", "only the key with this fingerprint"),
            ] + .scope
        ) { call throws(RequestError) in
            let fingerprint = call.arguments.string("fingerprint")?.lowercased()
            let found = try call.owned(call.cloud.sshKeyPairs, by: \.account).filter {
                call.matches($0.name) && (fingerprint == nil || $0.key.fingerprint == fingerprint)
            }
            return try call.page("sshkeypair", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "deleteSSHKeyPair", "Forgets an SSH key; machines that have it keep it", isAsync: false,
            [Parameter("name", required: true, "its name")] + .owner, isCostly: true
        ) { call throws(RequestError) in
            .machine(.deleteKeyPair(name: try call.arguments.required("name"), account: try call.account()))
        } reply: { _, _ in
            .success
        },
    ]

    private static func renderedKeyPair(_ call: Call, _ outcome: Outcome) -> APIObject {
        outcome.answer("keypair", \.sshKeyPairs) {
            var object = $0.rendered(in: outcome.cloud)
            object["privatekey"] = outcome.reply.secret.map { .string($0.revealed) }
            return object
        }
    }
}

extension SSHKeyPair {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        let object: APIObject = [
            "id": .text(id), "name": .string(name), "fingerprint": .string(key.fingerprint),
        ]
        return object.owned(by: account, in: cloud)
    }
}
