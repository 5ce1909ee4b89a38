# shellcheck shell=bash
# What the scripts have in common; sourced, not run.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Number of compile jobs: all processors, unless memory is short (a job of the analyzer takes about 700 MB).
jobs() {
    local by_memory
    by_memory=$(awk '/^MemAvailable/ { n = int($2 / 700000); print n < 1 ? 1 : n }' /proc/meminfo)
    local processors
    processors=$(nproc)
    echo $((processors < by_memory ? processors : by_memory))
}

# configure_and_build PRESET [TARGET…]: quiet when all goes well, the whole output when not.
configure_and_build() {
    local preset=$1
    shift
    local log
    log=$(mktemp)
    echo "== $preset: configure and build (takes minutes the first time)"
    if ! (cd "$repository" && cmake --preset "$preset" &&
        cmake --build --preset "$preset" -j "$(jobs)" "${@/#/--target=}") >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
