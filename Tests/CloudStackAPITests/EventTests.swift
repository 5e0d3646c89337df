import CloudModel
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

@testable import CloudStackAPI

/// Events that their owners put away or take out of the lists.
struct EventTests {
    /// Without those that this test's own service writes of marks; the real one writes none.
    private func ids(_ client: Client, _ signer: Signer, _ parameters: [String: String] = [:]) throws -> [String] {
        try (client.content(signer, "listEvents", parameters)["event"] as? [[String: Any]] ?? [])
            .filter { ($0["type"] as? String)?.hasSuffix("EVENTS") != true }.map { id($0) }
    }

    @Test func `archived ones are listed apart, deleted ones nowhere`() throws {
        let tenants = try Tenants()
        let (client, ann) = (tenants.client, try #require(tenants.signers["ann"]))
        let before = try ids(client, ann)
        try #require(before.count > 6)
        let archived = [before[0], before[3]]
        #expect(
            try client.content(ann, "archiveEvents", ["ids": archived.joined(separator: ",")])["success"] as? Bool
                == true)
        #expect(try ids(client, ann) == before.filter { !archived.contains($0) })
        #expect(try ids(client, ann, ["archived": "true"]) == archived)
        let shown = try client.content(ann, "listEvents", ["archived": "true"])["event"] as? [[String: Any]]
        #expect(shown?.allSatisfy { $0["archived"] as? Bool == true } == true)
        // What is archived can be deleted, what is deleted is gone for administrators too and cannot be named again.
        _ = try client.content(ann, "deleteEvents", ["ids": [before[0], before[1]].joined(separator: ",")])
        #expect(try ids(client, ann, ["archived": "true"]) == [before[3]])
        #expect(try ids(client, ann) == before.filter { ![before[0], before[1], before[3]].contains($0) })
        let root = try #require(tenants.signers["root"])
        for archived in ["true", "false"] {
            let all = try ids(client, root, ["listall": "true", "archived": archived])
            #expect(!all.contains(before[0]) && !all.contains(before[1]))
        }
        #expect(client.signed(ann, "archiveEvents", ["ids": before[0]]).status == 431)
    }

    @Test func `by type and by day, only the caller's own and only what was before`() throws {
        let tenants = try Tenants()
        let (client, ann) = (tenants.client, try #require(tenants.signers["ann"]))
        let bob = try #require(tenants.signers["bob"])
        // The clock of this cloud begins with 1970; only its jobs end by another.
        let then = ["enddate": "1970-12-31"]
        let bobs = try ids(client, bob, then)
        #expect(try ids(client, ann, then.merging(["startdate": "1970-01-02"]) { $1 }) == [])
        #expect(try ids(client, ann, ["enddate": "1970-01-01"]).isEmpty == false)
        _ = try client.content(ann, "deleteEvents", ["startdate": "1970-01-02", "enddate": "1970-01-03 12:00:00"])
        #expect(try ids(client, ann).isEmpty == false)
        _ = try client.content(ann, "deleteEvents", ["enddate": "1970-01-01"])
        #expect(try ids(client, ann, then) == [])
        #expect(try ids(client, bob, then) == bobs)
        _ = try client.content(ann, "createSSHKeyPair", ["name": "later"])
        #expect(try ids(client, ann, then).isEmpty == false)
        let north = try #require(tenants.signers["north"])
        _ = try client.content(north, "archiveEvents", ["enddate": "2026-11-20T12:00:00+0000"])
        #expect(try ids(client, bob, then) == [])
        #expect(try ids(client, bob, then.merging(["archived": "true"]) { $1 }) == bobs)
        let eve = try #require(tenants.signers["eve"])
        #expect(try ids(client, eve, then).isEmpty == false)
        #expect(client.service.view.cloud.violations() == [])
    }

    @Test(arguments: [
        ([:], "ids, type or enddate must be specified"), (["startdate": "2026-11-20"], "must be specified"),
        (["startdate": "2026-11-20"], "enddate must be specified"),
        (["startdate": "2026-11-20", "enddate": "2026-11-19"], "startdate must not be after enddate"),
        (["type": "VM.FLY"], "no events of type VM.FLY"), (["enddate": "yesterday"], "Unable to parse date"),
        (["ids": "11111111-2222-3333-4444-555555555555"], "entity does not exist"), (["ids": "x"], "value=x"),
    ])
    func `what is wrong is said, and nothing is marked`(_ parameters: [String: String], _ words: String) throws {
        let tenants = try Tenants()
        let ann = try #require(tenants.signers["ann"])
        let before = try ids(tenants.client, ann)
        for command in ["archiveEvents", "deleteEvents"] {
            let reply = tenants.client.signed(ann, command, parameters)
            #expect(reply.status == 431)
            #expect(reply.description?.contains(words) == true, "\(reply.description ?? "")")
        }
        #expect(try ids(tenants.client, ann) == before)
    }

    @Test func `nobody marks what is another's, not even one of many`() throws {
        let tenants = try Tenants()
        let client = tenants.client
        let (ann, bob) = (try #require(tenants.signers["ann"]), try #require(tenants.signers["bob"]))
        let (anns, bobs) = (try ids(client, ann), try ids(client, bob))
        let reply = client.signed(ann, "deleteEvents", ["ids": "\(anns[0]),\(bobs[0])"])
        #expect(reply.status == 431 && reply.description?.contains("value=\(bobs[0])") == true)
        #expect(try ids(client, ann) == anns)
        #expect(try ids(client, bob) == bobs)
    }

    @Test func `marks that say the same make room for one`() throws {
        let client = try Client()
        _ = try Site(client)
        for day in 2...9 { _ = try client.call("archiveEvents", ["enddate": "1970-01-0\(day)"]) }
        _ = try client.call("archiveEvents", ["type": "VM.START"])
        _ = try client.call("deleteEvents", ["enddate": "1970-01-02"])
        #expect(client.service.view.cloud.eventMarks.count == 3)
    }
}
