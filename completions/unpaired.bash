# bash completion for unpaired(1)

_unpaired_formats='text json html sarif junit folded pprof'

# What stands behind the option before the word, or nothing if it is no option with a value of a known kind.
_unpaired_value() {
    case $1 in
    --format)
        if [[ ${COMP_WORDS[1]} == verify || ${COMP_WORDS[1]} == diff ]]; then
            COMPREPLY=($(compgen -W 'text json' -- "$2"))
        else
            COMPREPLY=($(compgen -W "$_unpaired_formats" -- "$2"))
        fi
        ;;
    --output)
        case ${COMP_WORDS[1]} in
        record | resources) COMPREPLY=($(compgen -f -- "$2")) ;;
        diff) COMPREPLY=($(compgen -S : -W 'text json' -- "$2")) ;;
        *)
            if [[ $2 == *:* ]]; then # FORMAT:FILE, of which readline replaces what is behind the colon
                COMPREPLY=($(compgen -f -- "${2#*:}"))
            else
                COMPREPLY=($(compgen -S : -W "$_unpaired_formats" -- "$2"))
            fi
            ;;
        esac
        ;;
    --fail-on) COMPREPLY=($(compgen -W 'leak suspect note' -- "$2")) ;;
    --links) COMPREPLY=($(compgen -W 'auto on off' -- "$2")) ;;
    --locks | --reachability) COMPREPLY=($(compgen -W 'on off' -- "$2")) ;;
    --walk) COMPREPLY=($(compgen -W 'rules frame-pointers' -- "$2")) ;;
    --for) COMPREPLY=($(compgen -W 'preload wrap' -- "$2")) ;;
    --suppressions | --baseline | --user | --elf | --trace | --map | -o) COMPREPLY=($(compgen -f -- "$2")) ;;
    --sysroot | --debug-path | --source-root) COMPREPLY=($(compgen -d -- "$2")) ;;
    --families | --port | --sink | --allow | --owner | --base | --sp | --max-trace | --cycle | --error-exitcode | --interval | --count) COMPREPLY=() ;;
    *) return 1 ;;
    esac
}

# The processes that have a trace of ours mapped.
_unpaired_recorded() {
    grep -ls '/unpaired-[^/]*/.*\.trace' /proc/[0-9]*/maps 2>/dev/null | cut -d/ -f3
}

_unpaired() {
    local word previous command i
    # Without the words split at = and :, which would tear --format=json and json:FILE apart.
    local line=${COMP_LINE:0:COMP_POINT}
    word=${line##*[[:space:]]}
    previous=${COMP_WORDS[COMP_CWORD - 1]}
    command=${COMP_WORDS[1]-}
    COMPREPLY=()

    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'run record report diff postmortem ctl resources verify --help --version' -- "$word"))
        return
    fi
    # Behind -- it is the program's own command line.
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- && $command == r* ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            else
                COMPREPLY=($(compgen -c -f -- "$word"))
            fi
            return
        fi
    done
    if [[ $word == --*=* ]]; then
        _unpaired_value "${word%%=*}" "${word#*=}"
        return
    fi
    _unpaired_value "$previous" "$word" && return

    local recording='--locks= --reachability= --every-event --walk= --max-trace= --cycle= --owner='
    local reporting='--format= --output= --links= --all --fail-on= --limit= --owner= --suppressions= --baseline= --sysroot= --debug-path= --source-root= --debuginfod'
    case $command in
    run) COMPREPLY=($(compgen -W "$recording $reporting --keep --error-exitcode= --help --" -- "$word")) ;;
    record) COMPREPLY=($(compgen -W "$recording --output= -o --help --" -- "$word")) ;;
    report)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$reporting --elf= --cycle= --follow --interval= --count= --help" -- "$word"))
        else
            COMPREPLY=($(compgen -f -- "$word"))
            [[ $line != *' --follow'* ]] || COMPREPLY+=($(compgen -W "$(_unpaired_recorded)" -- "$word"))
        fi
        ;;
    diff)
        if [[ $word == -* ]]; then
            reporting=${reporting/--baseline= /}
            COMPREPLY=($(compgen -W "${reporting/--source-root= /} --elf= --help" -- "$word"))
        else
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    postmortem)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$reporting --elf= --base= --sp= --trace= --help" -- "$word"))
        else
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    ctl)
        case $COMP_CWORD in
        2)
            COMPREPLY=($(compgen -W "$(_unpaired_recorded)" -- "$word") $(compgen -f -- "$word"))
            ;;
        3) COMPREPLY=($(compgen -W 'start stop mark snapshot status' -- "$word")) ;;
        esac
        ;;
    resources)
        COMPREPLY=($(compgen -W '--for= --user= --families= --port= --sink= --output= -o --help' -- "$word"))
        ;;
    verify)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W '--fix --map= --allow= --format= --help' -- "$word"))
        else
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    esac
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace
}

complete -o filenames -o bashdefault -F _unpaired unpaired
