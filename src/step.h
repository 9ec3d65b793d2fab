/* SPDX-License-Identifier: ISC */
/* step: `durexec step [OPTIONS] NAME -- COMMAND …` inside a script that runs as
 * a step: the command runs once, and what it said is replayed from then on. */
#ifndef STEP_H
#define STEP_H

/* argv[0] is "step". The exit status, as start_main() has it: of the command
 * with STATUS_OWN, or 128 + n: die by signal n. */
int step_main(int argc, char **argv);

#endif
