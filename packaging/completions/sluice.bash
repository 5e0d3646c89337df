# bash completion for sluice(1)
_sluice() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local words=() index choices=''
    # The words of the command, without options and their values.
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
            --api | --api-key | --secret-key | --admin | --from | --to | --guest-address | --sort | --interval) ((index++)) ;;
            --) return ;;
            -*) ;;
            *) words+=("${COMP_WORDS[index]}") ;;
        esac
    done
    COMPREPLY=()
    case $previous in
        --on)
            mapfile -t COMPREPLY < <(compgen -W 'model kernel both live' -- "$current")
            return
            ;;
        --api | --api-key | --secret-key | --from | --to | --guest-address | --interval) return ;;
        --sort)
            mapfile -t COMPREPLY < <(compgen -W 'received sent matched rate' -- "$current")
            return
            ;;
        --admin)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
            ;;
    esac
    case "${words[*]}" in
        '') choices='status plan apply router guest network address firewall forward lb static-nat egress top events exec api test' ;;
        top) choices='networks addresses rules' ;;
        plan) choices='show' ;;
        router) choices='list show' ;;
        network) choices='list' ;;
        guest) choices='list show' ;;
        address) choices='list acquire release' ;;
        firewall | forward | static-nat | egress) choices='list add remove' ;;
        lb) choices='list show add assign unassign remove' ;;
        'plan show' | 'router show' | exec) choices=$(ls /run/netns 2>/dev/null) ;;
        test*)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -d -- "$current")
            [[ $current != -* ]] || choices='--on --keep'
            ;;
        apply)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            [[ $current != -* ]] || choices='--dry-run --prune'
            ;;
    esac
    if [[ $current == -* ]]; then
        case "${words[*]}" in
            top*) choices='--sort --interval --once' ;;
            'firewall add'*) choices='--from --plan' ;;
            'egress add'*) choices='--from --to --plan' ;;
            'forward add'*) choices='--guest-address --from --closed --plan' ;;
            'lb add'*) choices='--algorithm --to --from --closed --plan' ;;
            'lb assign'*) choices='--plan' ;;
            'static-nat add'*) choices='--guest-address --plan' ;;
            'address acquire'* | 'address release'*) choices='--plan' ;;
            'firewall remove'* | 'egress remove'* | 'forward remove'* | 'lb remove'* | 'lb unassign'* | 'static-nat remove'*) choices='--drain --plan' ;;
        esac
    fi
    [[ $current != -* ]] || choices+=' --api --api-key --secret-key --admin --json --help --version'
    [[ -z $choices ]] || mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}
complete -F _sluice sluice
