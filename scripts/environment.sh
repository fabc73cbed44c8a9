# The project's own virtual environment, .venv, for the scripts beside this file; sourced, not run.
#
# It is made without the package python3-venv (which Debian leaves out) and without touching the system's
# Python (which Debian manages): the venv is made empty, and the system's pip, told its Python, fills it.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
python="$root/.venv/bin/python"

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# Print the first Python that is new enough.
find_python() {
    local name
    for name in "${CONVOLVE_PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "convolve needs Python 3.11 or newer with its module venv, and found none as python3 or python3.1x." \
        "On Debian or Ubuntu: sudo apt install python3. Elsewhere: CONVOLVE_PYTHON=/path/to/python3 $0"
}

# Make .venv, unless it is there and works. One that was copied along with the tree is made anew, for its
# installation still leads to the old place; one that somebody made by hand is taken as it is.
make_environment() {
    local made_for="$root/.venv/made-for" base
    if "$python" -c '' 2>/dev/null && { [ ! -e "$made_for" ] || [ "$(head -n 1 "$made_for")" = "$root" ]; }; then
        return
    fi
    base="$(find_python)" || exit 1
    say "Making a virtual environment in $root/.venv with $("$base" --version) (once) ..."
    rm -rf "$root/.venv"
    "$base" -m venv --without-pip "$root/.venv" || fail "$base could not make $root/.venv"
    printf '%s\n' "$root" "$base" >"$made_for"
}

# pip ARGUMENTS...: run pip on .venv.
pip() {
    local base
    base="$(sed -n 2p "$root/.venv/made-for" 2>/dev/null || true)"
    base="${base:-$python}"
    if "$base" -m pip --version >/dev/null 2>&1; then
        "$base" -m pip --python "$python" --disable-pip-version-check "$@"
    elif "$python" -m ensurepip --version >/dev/null 2>&1; then
        "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null
        "$python" -m pip --disable-pip-version-check "$@"
    else
        fail "$base has no pip, which fills the virtual environment." \
            "On Debian or Ubuntu: sudo apt install python3-pip"
    fi
}

# need [EXTRA...]: install the package and these extras, unless done since pyproject.toml last changed.
need() {
    make_environment
    local wanted missing=() list
    for wanted in "${@:-base}"; do
        cmp -s "$root/pyproject.toml" "$root/.venv/installed-$wanted" || missing+=("$wanted")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    list="$(IFS=, && printf '%s' "$*")"
    say "Installing convolve ${list:+with the extras $list }into $root/.venv ..."
    pip install --quiet --editable "$root${list:+[$list]}" >&2 ||
        fail "The installation failed (pip says why above). It needs the network and pip 22.3 or newer."
    for wanted in "${missing[@]}"; do
        cp "$root/pyproject.toml" "$root/.venv/installed-$wanted"
    done
}
