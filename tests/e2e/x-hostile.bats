# SPDX-License-Identifier: ISC
# Hostile names on every way in. (x-*: make check-long)
load helper
load hostile

# Each a run of its own, by a program that says what was wrong.
@test "hostile step names: refused in one sentence, or legal" { each steps; }
@test "hostile names of pipeline files" { each files; }
@test "hostile workdir, inputs, outputs, stdout" { each paths; }
@test "hostile parameters, and the run directories named by them" { each parameters; }
@test "hostile arguments of exec" { each exec; }
@test "hostile names and arguments of step" { each substeps; }
@test "hostile words for durexec itself: options, verbs, items" { each words; }

each() {
	(EXE=/usr/bin/python3 become -B "$E2E/hostile_each.py" "$1") \
		</dev/null >out 2>err || fail 'not as it should be'
	like out '^[0-9]+ tried'
	unharmed
}
