/* SPDX-License-Identifier: ISC */
/*
 * settle: after a command that succeeded: are its declared outputs there, are
 * they durable, and its stdout placed where the user wants it. It runs as a
 * process of its own under the keeper ("durexec settle …"), so that syncing a
 * large file holds nobody up, and so that it can be asked again. Where gates
 * stand in between it runs twice: for the outputs, and to place stdout.
 */
#ifndef SETTLE_H
#define SETTLE_H

/*
 * durexec settle SINCE_MS FRESH(0|1) FROM TO [PATTERN…], in the step's working
 * directory. FROM and TO "": no stdout to place; FROM "" alone: it was empty.
 * A PATTERN that is TO is looked at after placing, the others before; nothing
 * is placed when one of them is missing. Exit status 0: all is there and
 * durable. 1: an output is missing, empty or older than SINCE. 2: the system
 * would not let us. Each is said on stderr in a line of its own; the last one
 * is shown as the reason.
 */
int settle_main(int argc, char **argv);

#endif
