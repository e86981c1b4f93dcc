#!/bin/sh
# Puts Orthanc, a PACS that Debian has, into a folder for the tests. It needs no root and changes nothing on the machine.
# Where that cannot be done it says why, leaves nothing behind, and succeeds: the tests that need Orthanc are skipped.
set -u
folder=${1:?"usage: $0 FOLDER"}
new=$folder.new

not_here() {
    rm -rf "$new"
    echo "Orthanc is not here: $1" >&2
    exit 0
}

libraries() {
    echo "$(find "$1/usr/lib" "$1/lib" -maxdepth 1 -name '*-linux-gnu*' 2>/dev/null | tr '\n' ':')"
}

starts() {
    LD_LIBRARY_PATH=$(libraries "$1") "$1/usr/sbin/Orthanc" --version >/dev/null 2>&1
}

for installed in "${ORTHANC_BIN:-}" "$(command -v Orthanc)" /usr/sbin/Orthanc; do
    [ -x "$installed" ] && exit 0
done
starts "$folder" && exit 0
command -v apt-get >/dev/null && command -v dpkg >/dev/null || not_here "this is not Debian"

needed() {
    LC_ALL=C apt-get install --simulate --no-install-recommends orthanc orthanc-dicomweb 2>/dev/null |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

packages=$(needed)
if [ -z "$packages" ] && [ "$(id -u)" = 0 ]; then
    timeout 120 apt-get update --quiet --quiet >/dev/null 2>&1 # a new container knows no packages at all
    packages=$(needed)
fi
[ -n "$packages" ] || not_here "apt-get does not know the package orthanc; does it need an update?"
rm -rf "$new"
mkdir -p "$new" && new=$(cd "$new" && pwd) || not_here "$new cannot be made"
# shellcheck disable=SC2086 - they are several words
(cd "$new" && timeout 120 apt-get download --quiet --quiet $packages) >/dev/null 2>&1 || not_here "its packages cannot be fetched"
for package in "$new"/*.deb; do
    dpkg --extract "$package" "$new" || not_here "$package cannot be unpacked"
    rm "$package"
done
starts "$new" || not_here "what was fetched does not start"
rm -rf "$folder" && mv "$new" "$folder" || not_here "$folder cannot be replaced"
