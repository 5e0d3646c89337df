import CloudModel
import ControlPlane
import NetworkVocabulary

/// One use of a command: what a command's body has to work with.
struct Call: Sendable {
    let arguments: Arguments
    let caller: Caller
    let view: CloudView
    let api: CloudAPI

    var cloud: Cloud { view.cloud }
    var command: String { arguments.command }

    var isDryRun: Bool { arguments.boolean("plan") == true || arguments.boolean("dryrun") == true }

    /// The object that a parameter names, if it was sent.
    func object<Value>(_ name: String, in table: SortedMap<ObjectID, Value>) throws(RequestError) -> Value? {
        guard let id = arguments.id(name) else { return nil }
        guard let value = table[id] else { throw .unknown(name, id: id.description, command) }
        return value
    }

    // MARK: - Lists

    /// So many objects are on a page, and at most as many.
    private var pageSizeLimit: Int { Int(cloud.value(of: .pageSize)) ?? 500 }

    /// Whether a name passes the filters `name` (whole) and `keyword` (part), whatever its case.
    func matches(_ name: String, partialName: Bool = false) -> Bool {
        let lowered = name.lowercased()
        if let wanted = arguments.string("name")?.lowercased() {
            guard partialName ? lowered.contains(wanted) : lowered == wanted else { return false }
        }
        if let keyword = arguments.string("keyword")?.lowercased() { return lowered.contains(keyword) }
        return true
    }

    /// The zone that a list is confined to, if it is.
    func listedZone() throws(RequestError) -> ObjectID? { try object("zoneid", in: cloud.zones)?.id }

    /// The page that was asked for. A list without members is an empty object: clients take anything else amiss.
    func page<Values: RandomAccessCollection>(
        _ key: String, _ values: Values, _ render: (Values.Element) -> APIObject
    ) throws(RequestError) -> APIObject {
        guard !arguments.map("tags").isEmpty else { return try pageOfAll(key, values, render) }
        return try pageOfAll(key, values.filter(hasWantedTags), render)
    }

    private func pageOfAll<Values: RandomAccessCollection>(
        _ key: String, _ values: Values, _ render: (Values.Element) -> APIObject
    ) throws(RequestError) -> APIObject {
        let page = arguments.integer("page")
        let size = arguments.integer("pagesize")
        if page == nil, let size, size != -1 {
            throw .refused("page", "\"page\" parameter is required when \"pagesize\" is specified")
        }
        if page != nil, size == nil {
            throw .refused("pagesize", "\"pagesize\" parameter is required when \"page\" is specified")
        }
        if let page, page < 1 { throw .invalid("page", String(page), command) }
        if let size, size < 1, size != -1 || page != nil { throw .invalid("pagesize", String(size), command) }
        if let size, size > pageSizeLimit {
            throw .refused("pagesize", "Page size can't exceed max allowed page size value: \(pageSizeLimit)")
        }
        guard !values.isEmpty else { return [:] }
        if arguments.boolean("retrieveonlyresourcecount") == true { return ["count": .number(values.count)] }
        let length = size == -1 ? values.count : size ?? pageSizeLimit
        let (start, overflows) = ((page ?? 1) - 1).multipliedReportingOverflow(by: length)
        var reply: APIObject = ["count": .number(values.count)]
        if !overflows, start < values.count {
            reply[key] = .array(values.dropFirst(start).prefix(length).map { .object(render($0)) })
        }
        return reply
    }
}
