extension Commands {
    /// What the virtual networks would do to a packet: asked of the daemon, which sends nothing.
    static let explain: Command = { client, words throws(Failure) in
        let usage = "explain --from PORT PACKET [--then PORT PACKET …] [--live]"
        var parameters: [String: String] = [:]
        var follows = 0
        var plain: [String] = []
        var isLive = false
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--from":
                guard let port = rest.popFirst() else { throw .usage(usage) }
                parameters["from"] = port
            case "--then":
                guard let port = rest.popFirst(), let packet = rest.popFirst() else { throw .usage(usage) }
                parameters["then[\(follows)].from"] = port
                parameters["then[\(follows)].packet"] = packet
                follows += 1
            case "--live": isLive = true
            case _ where word.hasPrefix("--"): throw .usage("explain has no option \(word)")
            default: plain.append(word)
            }
        }
        guard parameters["from"] != nil, !plain.isEmpty else { throw .usage(usage) }
        // A line may come as one word or as many.
        parameters["packet"] = plain.joined(separator: " ")
        let answer = try client.call("explainPacket", parameters)
        let explanations = answer["explanation"]?.list ?? []
        if isLive { return try LiveExplanation(client, explanations).text() }
        if client.settings.isJSON { return answer["explanation"]?.rendered ?? "" }
        return explanations.compactMap { $0["text"]?.text }.joined(separator: "\n")
    }
}
