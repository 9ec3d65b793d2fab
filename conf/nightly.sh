#!/bin/bash
# SPDX-License-Identifier: ISC
#
# nightly.sh: the nightly backup of an SQLite database to a WebDAV server, which
# goes on where it was. By hand, and in a crontab:
#
#	DB=/srv/shop.db URL=https://dav.example.org/shop durexec exec -- ./nightly.sh
#
#	DB=/srv/shop.db
#	URL=https://dav.example.org/shop
#	45 2 * * *  /usr/local/bin/durexec exec --cron --max-age 2d -- /usr/local/bin/nightly.sh
#
# (For several databases: durexec exec --name shop …, a name for each.)
#
# nightly/before.sh is the script as it was. What has been done to it:
#
#	diff nightly/before.sh nightly.sh
#
# After a failure or a kill the same command, or cron in the next night, goes on:
# what a "durexec step" line has done is not done again, and $(...) has what it
# had, so the backup keeps its name. Three things make that right:
#
# - A step that was killed halfway is run again, so it has to bear that. xz has
#   -k, so that it finds its input again. PUT and MOVE are one step, because a
#   MOVE that took effect cannot be repeated alone.
# - Lines without "durexec step" run each time. The list of what is on the server
#   has to: what is deleted is not on it any more.
# - A wrong answer is not to be remembered: --ok-if.
#
# When the copy is damaged, or something else came back, nothing is deleted there,
# and it stays so until somebody has looked. Then
#
#	durexec rewind --name nightly.sh nightly.sh/dump     copy it once more; or
#	durexec exec --fresh -- ./nightly.sh                 from the beginning
#
# PostgreSQL: DB is the name of a database, there is no file to test for, and
# instead of dump and check
#
#	durexec step dump -- pg_dump -Fc -Z0 -f "$copy" "$DB"
#	durexec step check -- pg_restore -f /dev/null "$copy"
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
stamp=$(durexec step stamp -- date -u +%Y%m%dT%H%M%SZ)
copy=$WORK/$name-$stamp.db
file=$name-$stamp.db.xz

durexec step dump -- sqlite3 "$DB" '.timeout 60000' ".backup '$copy'"
check=$(durexec step --ok-if '^ok$' check -- sqlite3 "$copy" 'pragma integrity_check')
[ "$check" = ok ] || fail "$copy is damaged: $check"

sum=$(durexec step sum -- sha256sum "$copy")
durexec step pack -- xz -kf -T0 "$copy"

# What has its final name is whole; what comes back is what was there.
durexec step --preset curl upload -- "${curl[@]}" --fail-early -T "$copy.xz" "$URL/$name.part" \
	--next "${curl[@]:1}" -X MOVE -H "Destination: $URL/$file" "$URL/$name.part" > /dev/null
there=$(durexec step --preset curl --ok-if "^${sum%% *}" read -c '"$@" | xz -dc | sha256sum' "${curl[@]}" "$URL/$file")
[ "${there%% *}" = "${sum%% *}" ] || fail "$URL/$file is not what was copied"

# All but the newest ones go.
"${curl[@]}" -X PROPFIND -H 'Depth: 1' "$URL/" |
	grep -Eo "/$name-[0-9]{8}T[0-9]{6}Z\.db\.xz" | sort -u | head -n "-$KEEP" |
	while read -r old; do
		durexec step --preset curl prune -- "${curl[@]}" -X DELETE "$URL$old"
	done

echo "$URL/$file, sha256 ${sum%% *}"
rm -f "$WORK/$name"-[0-9]*Z.db*
