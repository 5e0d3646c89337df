# fish completion for sluice(1)
complete -c sluice -f
complete -c sluice -l api -x -d 'Where the API is'
complete -c sluice -l api-key -x -d 'The key of the account to act as'
complete -c sluice -l secret-key -x -d 'The secret that signs requests'
complete -c sluice -l admin -rF -d 'Take the keys from the admin.json of a daemon'
complete -c sluice -l json -d 'Print JSON'
complete -c sluice -l help -d 'Show commands and options'
complete -c sluice -l version -d 'Show the version'

complete -c sluice -n __fish_use_subcommand -a status -d 'The daemon, its revision, and how far the kernel is'
complete -c sluice -n __fish_use_subcommand -a plan -d 'What routers must be'
complete -c sluice -n __fish_use_subcommand -a apply -d 'Make the cloud as a file declares it'
complete -c sluice -n __fish_use_subcommand -a router -d 'Virtual routers'
complete -c sluice -n __fish_use_subcommand -a guest -d 'Guests'
complete -c sluice -n __fish_use_subcommand -a network -d 'Networks'
complete -c sluice -n __fish_use_subcommand -a events -d 'What happened'
complete -c sluice -n __fish_use_subcommand -a exec -d 'Run a command inside a node'
complete -c sluice -n __fish_use_subcommand -a api -d 'Send one API command'

complete -c sluice -n '__fish_seen_subcommand_from plan' -a 'show (ls /run/netns 2>/dev/null)'
complete -c sluice -n '__fish_seen_subcommand_from router' -a 'list show (ls /run/netns 2>/dev/null)'
complete -c sluice -n '__fish_seen_subcommand_from guest network' -a list
complete -c sluice -n '__fish_seen_subcommand_from exec' -a '(ls /run/netns 2>/dev/null)'
complete -c sluice -n '__fish_seen_subcommand_from apply' -F
complete -c sluice -n '__fish_seen_subcommand_from apply' -l dry-run -d 'Only say what would change'
complete -c sluice -n '__fish_seen_subcommand_from apply' -l prune -d 'Remove what is not named'
