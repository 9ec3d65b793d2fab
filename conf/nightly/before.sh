#!/bin/bash
# SPDX-License-Identifier: ISC
#
# before.sh: the nightly backup of an SQLite database to a WebDAV server, as a
# plain script. ../nightly.sh is the same script with durexec.
set -euo pipefail

DB=${DB:-/var/lib/app/app.db}
URL=${URL:-https://dav.example.org/backup} # user and password: in ~/.netrc
KEEP=${KEEP:-14}                           # so many backups stay there
WORK=${WORK:-/var/tmp/nightly}             # a directory of its own

fail() { echo "${0##*/}: $*" >&2; exit 1; }
curl=(curl -fsS --netrc-optional)

[ -s "$DB" ] || fail "there is no database $DB"
mkdir -p "$WORK"
name=$(basename "$DB" .db)
stamp=$(date -u +%Y%m%dT%H%M%SZ)
copy=$WORK/$name-$stamp.db
file=$name-$stamp.db.xz

sqlite3 "$DB" '.timeout 60000' ".backup '$copy'"
check=$(sqlite3 "$copy" 'pragma integrity_check')
[ "$check" = ok ] || fail "$copy is damaged: $check"

sum=$(sha256sum "$copy")
xz -kf -T0 "$copy"

# What has its final name is whole; what comes back is what was there.
"${curl[@]}" --fail-early -T "$copy.xz" "$URL/$name.part" \
	--next "${curl[@]:1}" -X MOVE -H "Destination: $URL/$file" "$URL/$name.part" > /dev/null
there=$("${curl[@]}" "$URL/$file" | xz -dc | sha256sum)
[ "${there%% *}" = "${sum%% *}" ] || fail "$URL/$file is not what was copied"

# All but the newest ones go.
"${curl[@]}" -X PROPFIND -H 'Depth: 1' "$URL/" |
	grep -Eo "/$name-[0-9]{8}T[0-9]{6}Z\.db\.xz" | sort -u | head -n "-$KEEP" |
	while read -r old; do
		"${curl[@]}" -X DELETE "$URL$old"
	done

echo "$URL/$file, sha256 ${sum%% *}"
rm -f "$WORK/$name"-[0-9]*Z.db*
