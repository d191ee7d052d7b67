# Shared by the scripts. Source it; it moves to the project's folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "→ $*"; }
die() { printf '%s\n' "${0##*/}: $*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Install Debian packages, by name or from files.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "$@" >/dev/null
}

# Bring the lists of Debian packages up to date, once. The arguments are what is to be installed.
apt_update() {
    [ "$(id -u)" = 0 ] || has sudo ||
        die "installing $* needs root: run 'apt-get install $*' as root, then try again."
    [ -n "${apt_is_updated:-}" ] || as_root apt-get -qq update >/dev/null || die "apt-get update failed: see its message above."
    apt_is_updated=1
}

# Install system packages by their Debian or, if it differs, "debian=homebrew" names.
install_packages() {
    local debian=("${@%%=*}") brew=("${@##*=}")
    if has apt-get; then
        say "installing ${debian[*]} (Debian packages)"
        apt_update "${debian[@]}"
        apt_install "${debian[@]}" || die "could not install ${debian[*]}: see apt-get's message above."
    elif has brew; then
        say "installing ${brew[*]} (Homebrew)"
        brew install --quiet "${brew[@]}" || die "could not install ${brew[*]}: see brew's message above."
    else
        die "${debian[*]} is missing, and there is neither apt-get nor brew to install it: install it, then try again."
    fi
}

# Install a server that Debian starts as a system service, where nobody wants it.
# usage: install_server PACKAGE [SERVICE]
install_server() {
    install_packages "$1"
    if [ -d /run/systemd/system ] && has systemctl; then
        as_root systemctl disable --now --quiet "${2:-$1}" || true
    fi
}

# Debian has some programs where only root looks.
has_server() { has "$1" || [ -x "/usr/sbin/$1" ]; }

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

# Install what a folder's package-lock.json names, once for each of its versions. No package runs a script of its own.
install_node_modules() {
    local stamp=$1/node_modules/installed-package-lock.json
    if ! cmp -s "$1/package-lock.json" "$stamp"; then
        say "installing Node packages ($1)"
        npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null || die "npm could not install $1: see its message above."
        cp "$1/package-lock.json" "$stamp"
    fi
}
