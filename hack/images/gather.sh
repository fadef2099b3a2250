#!/bin/sh
# gather.sh ROOT FILE: copies the libraries that a program or library is linked with to ROOT, with their licences and with
# dpkg's records, from which scanners read their versions.
set -eu
root=$1
libraries=$(ldd "$2" | grep -o '/[^ ]*')

mkdir -p "$root/licenses/debian" "$root/var/lib/dpkg/status.d"
for package in $(echo "$libraries" | sed 's|.*/|*/|' | xargs dpkg -S | cut -d: -f1 | sort -u); do
  # Slim bases have dropped some licences; those of libgcc lie with another package.
  [ -e "/usr/share/doc/$package/copyright" ] || apt-get install -y --reinstall "$package"
  [ -e "/usr/share/doc/$package/copyright" ] || apt-get install -y --reinstall "$(readlink "/usr/share/doc/$package")"
  cp --dereference "/usr/share/doc/$package/copyright" "$root/licenses/debian/$package"
  dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"
done
echo "$libraries" | xargs cp --dereference --parents --target-directory="$root"
