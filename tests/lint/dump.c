/* SPDX-License-Identifier: ISC */
/*
 * dump: linked into the programs of FLAVOUR=cov only. gcov writes its counts
 * when a program calls exit() or returns from main(). durexec, stopped by a
 * signal, ends by that signal: what it counted is written before. A child of
 * vfork() counts in its parent's memory and needs nothing; what SIGKILL ends
 * is lost.
 *
 * Linked with --wrap=raise.
 */
#include <signal.h>

void __gcov_dump(void);
void __gcov_reset(void);
int __real_raise(int signo);
int __wrap_raise(int signo);

int __wrap_raise(int signo)
{
	int ret;

	__gcov_dump();
	ret = __real_raise(signo);
	/* It came back: count on, from nothing, or all would count twice. */
	__gcov_reset();
	return ret;
}
