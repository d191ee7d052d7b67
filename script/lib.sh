# Shared by the scripts. Source it; it moves to the project's folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "→ $*"; }
die() { printf '%s\n' "${0##*/}: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Install system packages by their Debian or, if it differs, "debian=homebrew" names.
install_packages() {
    local debian=("${@%%=*}") brew=("${@##*=}") sudo=()
    if has apt-get; then
        if [ "$(id -u)" != 0 ]; then
            has sudo || die "installing ${debian[*]} needs root: run 'apt-get install ${debian[*]}' as root, then try again."
            sudo=(sudo)
        fi
        say "installing ${debian[*]} (Debian packages)"
        "${sudo[@]}" apt-get -qq update >/dev/null || die "apt-get update failed: see its message above."
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${debian[@]}" >/dev/null ||
            die "could not install ${debian[*]}: see apt-get's message above."
    elif has brew; then
        say "installing ${brew[*]} (Homebrew)"
        brew install --quiet "${brew[@]}" || die "could not install ${brew[*]}: see brew's message above."
    else
        die "${debian[*]} is missing, and there is neither apt-get nor brew to install it: install it, then try again."
    fi
}

# Install a requirements file into .venv, once for each of its versions.
install_requirements() {
    local stamp=.venv/installed-$1
    if ! cmp -s "$1" "$stamp" || ! cmp -s requirements.txt .venv/installed-requirements.txt; then
        say "installing Python packages ($1)"
        .venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement "$1" 2>.venv/pip.log ||
            { cat .venv/pip.log >&2; die "pip could not install $1: see its message above."; }
        cp requirements.txt .venv/installed-requirements.txt
        cp "$1" "$stamp"
    fi
}
