import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

@Suite struct `An answer` {
    @Test func `without members is an empty object, to the byte`() throws {
        let client = try Client()
        #expect(client.get("command=listZones&response=json").body == #"{"listzonesresponse":{}}"#)
        #expect(client.get("command=listApis&response=json&name=nothing").body == #"{"listapisresponse":{}}"#)
    }

    @Test func `is XML unless JSON is asked for`() throws {
        let client = try Client()
        _ = try client.call(
            "createZone",
            ["name": "<&\"é", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"])
        let reply = client.get("command=listZones")
        #expect(reply.contentType == "text/xml; charset=UTF-8")
        #expect(
            reply.body.hasPrefix(
                #"<?xml version="1.0" encoding="UTF-8"?><listzonesresponse><count>1</count><zone><id>"#))
        #expect(reply.body.contains("<name>&lt;&amp;&quot;é</name>"))
        #expect(client.get("command=listZones&response=JSON").contentType == "application/json; charset=UTF-8")
    }

    @Test func `quotes what has to be quoted`() throws {
        let name = "\"\\/\u{1f600}\n\u{2028}"
        let reply = APIValue.object([name: .string(name + "\u{0}\u{1b}")])
        guard case .object(let object) = reply else { return }
        let parsed = try JSONSerialization.jsonObject(with: Data(object.json.utf8)) as? [String: String]
        #expect(parsed == [name: name + "\u{0}\u{1b}"])
        #expect(APIObject(dictionaryLiteral: ("a", .string("x\u{0}\u{b}y"))).xml.hasSuffix("<a>x\u{fffd}\u{fffd}y</a>"))
    }

    @Test(arguments: [
        ("response=json", 432, "errorresponse", "Invalid request, no command sent"),
        ("command=&response=json", 432, "errorresponse", "Invalid request, no command sent"),
        ("command=listzones&response=json", 432, "errorresponse", "Unknown API command: listzones"),
        ("command=%3Cx%3E%0a&response=json", 432, "errorresponse", "Unknown API command: <x>?"),
        (
            "command=getPlan&response=json", 431, "getplanresponse",
            "Unable to execute API command getplan due to missing parameter name"
        ),
    ])
    func `to a mistake has the shape of CloudStack's`(query: String, status: Int, key: String, text: String) throws {
        let reply = try Client().get(query)
        #expect(reply.status == status)
        let envelope = try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: [String: Any]]
        #expect(envelope?.keys.first == key && envelope?.count == 1)
        let error = envelope?[key]
        #expect(error?["errorcode"] as? Int == status)
        #expect(error?["cserrorcode"] is Int)
        #expect(error?["uuidList"] as? [String] == [])
        #expect(error?["errortext"] as? String == text)
        #expect(reply.description == text)
    }

    @Test func `is not found elsewhere and not given to other methods`() throws {
        let client = try Client()
        #expect(client.send(APIRequest(method: "GET", path: "/", query: "command=listZones"), .signed).status == 404)
        #expect(
            client.send(APIRequest(method: "GET", path: "/anything", query: "command=listZones"), .trusted).status
                == 200)
        #expect(
            client.send(APIRequest(method: "DELETE", path: "/client/api", query: "command=listZones"), .trusted).status
                == 405)
    }
}

@Suite struct `A page` {
    private func zones(_ count: Int) throws -> Client {
        let client = try Client()
        for number in 0..<count {
            _ = try client.call(
                "createZone",
                ["name": "z\(number)", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"])
        }
        return client
    }

    @Test func `is part of the whole, whose size it tells`() throws {
        let client = try zones(5)
        var names: [String] = []
        for page in 1...3 {
            let reply = try client.call("listZones", ["page": "\(page)", "pagesize": "2"])
            #expect(reply["count"] as? Int == 5)
            names += (reply["zone"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
        }
        #expect(names.sorted() == ["z0", "z1", "z2", "z3", "z4"])
        #expect(
            client.get("command=listZones&response=json&page=4&pagesize=2").body
                == #"{"listzonesresponse":{"count":5}}"#)
        #expect(client.status("command=listZones&page=9223372036854775807&pagesize=500") == 200)
        #expect(try client.list("listZones", "zone", ["pagesize": "-1"]).count == 5)
    }

    @Test(arguments: [
        ("page=1", "\"pagesize\" parameter is required when \"page\" is specified"),
        ("pagesize=5", "\"page\" parameter is required when \"pagesize\" is specified"),
        ("page=1&pagesize=501", "Page size can't exceed max allowed page size value: 500"),
        ("page=0&pagesize=5", "Unable to execute API command listzones due to invalid value 0 for parameter page"),
        (
            "page=1&pagesize=-1",
            "Unable to execute API command listzones due to invalid value -1 for parameter pagesize"
        ),
        ("page=1&pagesize=0", "Unable to execute API command listzones due to invalid value 0 for parameter pagesize"),
    ])
    func `is asked for in full`(query: String, text: String) throws {
        let reply = try Client().get("command=listZones&response=json&" + query)
        #expect(reply.status == 431 && reply.description == text)
    }

    @Test func `is filtered by whole names and by parts, whatever the case`() throws {
        let client = try zones(12)
        #expect(try client.list("listZones", "zone", ["name": "Z1"]).count == 1)
        #expect(try client.list("listZones", "zone", ["keyword": "Z1"]).count == 3)
        #expect(try client.list("listZones", "zone", ["name": "z"]).isEmpty)
    }
}

@Suite struct `A job` {
    @Test func `is pending until the kernel has it, while its object can be seen already`() throws {
        let client = try Client()
        let site = try Site(client)
        client.service.hold()
        let started = try client.call(
            "deployVirtualMachine", ["zoneid": site.zone, "name": "web", "networkids": id(site.network)])
        let jobID = try #require(started["jobid"] as? String)
        #expect(try client.list("listVirtualMachines", "virtualmachine", ["id": id(started)]).count == 1)
        let pending = try client.call("queryAsyncJobResult", ["jobid": jobID])
        #expect(pending["jobstatus"] as? Int == 0)
        #expect(pending["jobresult"] == nil && pending["completed"] == nil)
        client.service.release()
        let done = try client.call("queryAsyncJobResult", ["jobid": jobID])
        #expect(done["jobstatus"] as? Int == 1)
        #expect(done["jobresultcode"] as? Int == 0)
        #expect(done["jobresulttype"] as? String == "object")
        #expect(done["jobinstanceid"] as? String == id(started))
        #expect(done["completed"] as? String == "2026-11-18T11:06:40+0000")
        #expect(done["cmd"] as? String == "deployVirtualMachine")
    }

    @Test func `fails with the kernel's error`() throws {
        let client = try Client()
        let site = try Site(client)
        client.service.failKernel(RequestError(.unavailable, exceptionCode: 4380, "the kernel said no"))
        let started = try client.call("deployVirtualMachine", ["zoneid": site.zone, "networkids": id(site.network)])
        let failed = try client.call("queryAsyncJobResult", ["jobid": started["jobid"] as? String ?? ""])
        #expect(failed["jobstatus"] as? Int == 2)
        #expect(failed["jobresultcode"] as? Int == 534)
        let result = try #require(failed["jobresult"] as? [String: Any])
        #expect(result["errorcode"] as? Int == 534)
        #expect(result["errortext"] as? String == "the kernel said no")
        #expect(throws: Refused(status: 534, text: "the kernel said no")) {
            try client.call(
                "createZone",
                ["name": "y", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1"])
        }
    }

    @Test func `that was refused never was one`() throws {
        let client = try Client()
        let site = try Site(client)
        #expect(client.status("command=deployVirtualMachine&zoneid=\(site.zone)&networkids=\(site.zone)") == 431)
        let status = try #require(try client.call("getStatus")["status"] as? [String: Any])
        // The physical network's, with its traffic and its provider.
        #expect((status["objects"] as? [String: Int])?["jobs"] == 6)
    }

    @Test func `makes room for others when it is done, and not before`() throws {
        let client = try Client(jobCapacity: 3)
        let site = try Site(client)
        _ = try site.deploy("web")
        var ids: [String] = []
        for number in 0..<9 {
            ids.append(
                try client.call("associateIpAddress", ["networkid": id(site.network)])["jobid"] as? String
                    ?? "\(number)")
        }
        #expect(
            try client.list("listAsyncJobs", "asyncjobs").map { $0["jobid"] as? String } == ids.suffix(3).reversed())
        // What is in the ledger is answered for all the same, by other API servers on it too.
        let later = Client(client.service, client.service.admin)
        for one in [client, later] {
            let job = try one.call("queryAsyncJobResult", ["jobid": ids[0]])
            #expect(job["jobstatus"] as? Int == 1 && job["cmd"] as? String == "associateIpAddress")
            #expect(job["jobresult"] is [String: Any])
        }
        for id in ids.suffix(3) { _ = try client.call("queryAsyncJobResult", ["jobid": id]) }
        client.service.hold()
        let query = "command=stopRouter&id=" + id(try client.list("listRouters", "router")[0])
        for expected in [200, 200, 200, 503, 503] { #expect(client.status(query) == expected) }
        client.service.release()
        #expect(client.status(query) == 200)
    }

    @Test func `that nobody knows is an unknown id`() throws {
        #expect(try Client().status("command=queryAsyncJobResult&jobid=6e0c1f7a-1111-4222-8333-444455556666") == 431)
    }
}

@Suite struct `The list of commands` {
    @Test func `has what clients read, with the types they assert`() throws {
        let client = try Client()
        let reply = try client.call("listApis", ["listall": "true"])
        let apis = try #require(reply["api"] as? [[String: Any]])
        #expect(reply["count"] as? Int == apis.count)
        for api in apis {
            #expect(api["name"] is String && api["description"] is String && api["isasync"] is Bool)
            #expect(api["params"] is [[String: Any]] && api["response"] is [Any])
            for parameter in api["params"] as? [[String: Any]] ?? [] {
                #expect(parameter["name"] is String && parameter["type"] is String && parameter["required"] is Bool)
                #expect(parameter["description"] is String)
            }
        }
        let deploy = try #require(apis.first { $0["name"] as? String == "deployVirtualMachine" })
        #expect(deploy["isasync"] as? Bool == true)
        #expect(try client.list("listApis", "api", ["name": "listZones"]).count == 1)
        #expect(
            (try client.call("listCapabilities")["capability"] as? [String: Any])?["cloudstackversion"] as? String
                == "4.22.0.0")
    }

    @Test func `names each command and each of its parameters once`() {
        #expect(Set(Command.all.map(\.name)).count == Command.all.count)
        for command in Command.all {
            #expect(Set(command.parameters.map(\.name)).count == command.parameters.count, "\(command.name)")
            #expect(command.parameters.allSatisfy { $0.name == $0.name.lowercased() }, "\(command.name)")
            #expect(command.unsupported.isDisjoint(with: command.parameters.map(\.name)), "\(command.name)")
        }
    }

    @Test func `is shorter for those who may less, and so is what they can call`() throws {
        let client = try Client(besides: Client(), account: "tenant")
        let names = try client.list("listApis", "api").compactMap { $0["name"] as? String }
        #expect(names.contains("listNetworks") && !names.contains("createZone"))
        #expect(
            throws: Refused(
                status: 401, text: "The given command 'createZone' either does not exist, is not available for user.")
        ) {
            try client.call("createZone")
        }
    }
}
