# packages: makes sure that Debian packages are installed. Sourced by ./quickstart and ./test, never run.
#
#     need_packages "to build" build-essential meson 'libcurl4-gnutls-dev|libcurl4-openssl-dev'
#
# Installs what is missing in one go and says what; asks sudo for it only where the caller is not root. `a|b` is had
# when either is installed, and gets the first otherwise. On a system without dpkg it only names what it needs.

packages_build=(build-essential meson ninja-build pkg-config libmicrohttpd-dev libgnutls28-dev libsimdjson-dev
                libssl-dev libsqlite3-dev libpq-dev libzstd-dev libxxhash-dev 'libcurl4-gnutls-dev|libcurl4-openssl-dev'
                libpcre2-dev libdnnl-dev 'libjpeg62-turbo-dev|libjpeg-turbo8-dev' libpng-dev libseccomp-dev
                python3)
packages_test=(libcmocka-dev spin clang-format python3-boto3 python3-pytest python3-pytest-xdist awscli openssl curl
               systemd postgresql-15
               yamllint python3-yaml)

package_installed()
{
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "This needs root and there is no sudo: $*" >&2
        return 1
    fi
}

need_packages()
{
    local purpose=$1 wanted choice choices missing=()
    shift
    if ! command -v dpkg-query >/dev/null; then
        echo "Not a Debian system: $purpose, the equivalents of these packages must be there: $*"
        return 0
    fi
    for wanted in "$@"; do
        IFS='|' read -ra choices <<<"$wanted"
        for choice in "${choices[@]}"; do
            package_installed "$choice" && continue 2
        done
        missing+=("${choices[0]}")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "Installing $purpose: ${missing[*]}"
    as_root apt-get update -qq || echo "apt-get update failed; trying with the package lists at hand"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# The JavaScript tests need node and npm, from wherever they come: other sources' nodejs excludes Debian's npm.
need_node()
{
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    [ ${#missing[@]} -eq 0 ] || need_packages "for the JavaScript tests" "${missing[@]}"
}
