# fish completion for sluiced(8)
complete -c sluiced -f
complete -c sluiced -l config -rF -d 'Read options from a file'
complete -c sluiced -l data -x -a '(__fish_complete_directories)' -d 'Keep the ledger in a directory'
complete -c sluiced -l ephemeral -d 'Keep nothing'
complete -c sluiced -l api -x -d 'Listen for signed requests at host:port'
complete -c sluiced -l integration -x -a off -d 'Answer unsigned requests at host:port'
complete -c sluiced -l profile -x -a 'empty demo simulator' -d 'The cloud a first start begins with'
complete -c sluiced -l rootless -d 'Build everything in a user namespace'
complete -c sluiced -l log-format -x -a 'text json' -d 'How events are written'
complete -c sluiced -l log-level -x -a 'debug info warning error' -d 'Leave out what is less important'
complete -c sluiced -l help -d 'Show the options'
complete -c sluiced -l version -d 'Show the version'
