#!/bin/sh
# gather.sh ROOT PROGRAM: lays a program (without its symbols) and the libraries that it is linked with into a file system
# of their own, with the libraries' licences, and with dpkg's records of them, by which a scanner knows their versions.
set -eu
root=$1 program=$2

libraries() { ldd "$program" | grep -o '/[^ ]*'; }

packages=$(libraries | sed 's|.*/|*/|' | xargs dpkg -S | cut -d: -f1 | sort -u)
for package in $packages; do
  # Slim bases have dropped the licences of some; those of libgcc lie with another package.
  [ -e "/usr/share/doc/$package/copyright" ] || apt-get install -y --reinstall "$package"
  [ -e "/usr/share/doc/$package/copyright" ] || apt-get install -y --reinstall "$(readlink "/usr/share/doc/$package")"
  mkdir -p "$root/licenses/debian" "$root/var/lib/dpkg/status.d"
  cp --dereference "/usr/share/doc/$package/copyright" "$root/licenses/debian/$package"
  dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"
done
libraries | xargs cp --dereference --parents --target-directory="$root" "$program"
strip "$root$program"
