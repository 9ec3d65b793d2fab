#!/bin/sh
# SPDX-License-Identifier: ISC
# fuzz.sh SECONDS: build and run each libFuzzer target for so long, with ASan
# and UBSan. Corpora grow in build/fuzz/NAME; a finding ends with exit 1. What
# NAME.dict holds is tried more often.
set -eu
cd "$(dirname "$0")/../.."
out=build/fuzz
mkdir -p "$out"
passed=0
for source in tests/fuzz/*_fuzz.c; do
	name=$(basename "$source" .c)
	# shellcheck disable=SC2046
	clang -std=c11 -D_GNU_SOURCE -g -O1 -Isrc \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o "$out/$name" "$source" \
		$(ls src/*.c | grep -v '/main\.c$') -linih -lev
	mkdir -p "$out/$name.corpus"
	"$out/$name" -max_total_time="$1" -print_final_stats=1 \
		-dict="tests/fuzz/${name%_fuzz}.dict" \
		-artifact_prefix="$out/" "$out/$name.corpus"
	passed=$((passed + 1))
done
echo "$passed passed, 0 failed, 0 skipped"
