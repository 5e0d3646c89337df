import CloudModel
import Planner
import RouterPlan

extension Planner {
    /// What a dry run shows: the lines of the plans that would go (`-`) and come (`+`), each behind the name of its
    /// node. What could not be planned is refused, as the change itself would be taken back.
    func difference(_ changes: [Change], from before: Cloud, to after: Cloud) throws(RequestError) -> String {
        let names = Set(
            targets(of: changes, from: before, to: after).map { target in
                switch target {
                case .node(let name), .share(let name, _): name
                }
            })
        var text = ""
        for name in names.sorted() {
            let planned: NodePlan?
            do throws(PlanError) {
                planned = try plan(name, in: after)
            } catch {
                throw RequestError(.internal, exceptionCode: 4250, "\(name) cannot be planned: \(error)")
            }
            let old = ((try? plan(name, in: before))?.description ?? "").split(separator: "\n")
            let new = (planned?.description ?? "").split(separator: "\n")
            for change in new.difference(from: old) {
                switch change {
                case .remove(_, let line, _): text += "\(name) - \(line)\n"
                case .insert(_, let line, _): text += "\(name) + \(line)\n"
                }
            }
        }
        return text
    }
}
