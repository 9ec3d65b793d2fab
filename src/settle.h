/* SPDX-License-Identifier: ISC */
/*
 * settle: the phase after a command that succeeded: are its declared outputs
 * there, are they durable, and its stdout placed where the user wants it. It
 * runs as a process of its own under the keeper ("durexec settle …"), so that
 * syncing a large file holds nobody up, and so that it can be asked again.
 */
#ifndef SETTLE_H
#define SETTLE_H

/*
 * durexec settle SINCE_MS FRESH(0|1) FROM TO [PATTERN…], in the step's working
 * directory. FROM and TO "": no stdout to place; FROM "" alone: it was empty.
 * Exit status 0: all is there and durable. 1: an output is missing, empty or
 * older than SINCE (said on stderr). 2: the system would not let us.
 */
int settle_main(int argc, char **argv);

#endif
