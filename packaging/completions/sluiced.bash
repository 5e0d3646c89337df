# bash completion for sluiced(8)
_sluiced() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
        --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        --tls-cert | --tls-key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        --data) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        --profile) mapfile -t COMPREPLY < <(compgen -W 'empty demo simulator' -- "$current") ;;
        --integration | --metrics) mapfile -t COMPREPLY < <(compgen -W 'off' -- "$current") ;;
        --log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current") ;;
        --log-level) mapfile -t COMPREPLY < <(compgen -W 'debug info warning error' -- "$current") ;;
        --service-user) mapfile -t COMPREPLY < <(compgen -u -- "$current") ;;
        --api) ;;
        *)
            mapfile -t COMPREPLY < <(compgen -W '--config --data --ephemeral --api --integration --metrics --tls-cert
                --tls-key --profile --rootless --log-format --log-level --service-user --help --version' -- "$current")
            ;;
    esac
}
complete -F _sluiced sluiced
