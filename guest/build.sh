#!/bin/sh
# Builds the guest image from a commit of this repository, then prints what its measurement has to be.
#
#   sudo guest/build.sh [--commit COMMIT] [--profile gpu] [--firmware OVMF.fd]
#       [--mirror URL] [--no-tools-tree] [--ca FILE]
#
# --firmware       firmware of the TDs, with TDX metadata; without it only the registers of the image are printed
# --mirror         takes packages from there instead of the pinned snapshot, to try the recipe: NOT reproducible
# --ca             certificates of a proxy between here and the npm registry; what comes through it is checked by hash
# --no-tools-tree  uses this machine's repart, ukify and mkfs instead of the snapshot's: NOT reproducible elsewhere
set -eu
cd "$(dirname "$0")"
wanted='mkosi 25.3'
commit=HEAD profile= firmware= mirror= tools= ca=
while [ $# -gt 0 ]; do
    case "$1" in
        --commit) commit=$2; shift 2 ;;
        --profile) profile=$2; shift 2 ;;
        --firmware) firmware=$(realpath "$2"); shift 2 ;;
        --mirror) mirror=$2; shift 2 ;;
        --ca) ca=$(realpath "$2"); shift 2 ;;
        --no-tools-tree) tools=--tools-tree=; shift ;;
        *) echo "Unknown option $1: see the head of $0." >&2; exit 2 ;;
    esac
done
found=$(mkosi --version 2>/dev/null || echo none)
if [ "$found" != "$wanted" ]; then
    echo "Found $found. Expected $wanted (Debian 13: apt install mkosi): another version lays out another image." >&2
    exit 2
fi

if [ ! -e dist/cli-measure.js ]; then
    echo 'guest/dist is not there. Run npm ci && npm run -s build:all first, without sudo.' >&2
    exit 2
fi

commit=$(git rev-parse --verify "$commit^{commit}")
rm -rf build/source build/ca build/sandbox build/image
mkdir -p build/source build/ca build/sandbox build/image
[ -z "$ca" ] || cp "$ca" build/ca/ca.pem
# Exactly what the commit holds: no node_modules, nothing uncommitted.
git -C .. archive "$commit" | tar -x -C build/source
set -- --force --build-sources="$(realpath build/source):source,$(realpath build/ca):ca" $tools
[ -z "$profile" ] || set -- "$@" --profile="$profile"
if [ -n "$mirror" ]; then
    echo "Packages from $mirror as they are today: this image is no one else's." >&2
    mkdir -p build/sandbox/etc/apt/sources.list.d
    sed -E "s#https://snapshot.debian.org/archive/(debian|debian-security)/[0-9TZ]+#$mirror/\1#" \
        mkosi/mkosi.sandbox/etc/apt/sources.list.d/mkosi.sources > build/sandbox/etc/apt/sources.list.d/mkosi.sources
    set -- "$@" --sandbox-tree="$(realpath build/sandbox)"
fi
mkosi --directory mkosi "$@" build

echo "commit $commit"
(cd build/image && sha256sum ton-compute-guest.raw ton-compute-guest.efi)
node dist/cli-measure.js --uki build/image/ton-compute-guest.efi --disk build/image/ton-compute-guest.raw \
    ${firmware:+--firmware "$firmware"} --output build/image/expected.json
