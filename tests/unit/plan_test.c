/* SPDX-License-Identifier: ISC */
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "loading.h"

#define S(name) "[step " name "]\nrun = x\n"
#define N(name, needs) S(name) "needs = " needs "\n"
#define ALWAYS(name, when) S(name) "always = " when "\n"
#define ALLOW "allow_failure = yes\n"
#define POOL(name, keys) "[pool " name "]\n" keys
#define IN(name, pool) N(name, "") "pool = " pool "\n"

/*
 * A case is a pipeline and what happens to it, in words, separated by ";":
 *
 *	> a b/gpu0	these start now, in this order (b with the slot gpu0),
 *			and no others
 *	a done		so ended a (done review approval skipped pending, and
 *			gates: its command is done, its gates are to come)
 *	a waits 9	for a retry, until the clock says so; a parks 9: for a
 *			usage limit
 *	at 9		the clock (in seconds, 0 at first)
 *	next 9		nothing is due before (plan_waits); next never: nothing
 *			waits; next unknown
 *	back b/gpu0	plan_next() said so, and it was given back
 *	full P, free P, held P 9: the engine was told so of a machine-wide pool
 *	! a b		these are blocked
 *	rest b		nothing else can start: now this may (rest: nothing)
 *	finished yes	plan_finished()
 *	ready yes	plan_ready()
 *	fast yes	pl.failed_fast
 *	below a = a b	plan_below()
 *	only a b, until a, rebuild, closing
 */
struct fact {
	const char *what, *ini, *story;
};

static const struct fact facts[] = {
	{ "a chain", S("a") S("b") S("c"),
		"> a; >; a done; > b; >; b done; finished no; > c; c done; >;"
		"finished yes" },
	{ "one step", S("a"), "> a; a skipped; >; finished yes" },
	{ "a diamond", S("a") N("b", "a") N("c", "a") N("d", "b c"),
		"> a; a done; > b c; c done; >; b done; > d; d done;"
		"finished yes" },
	{ "no needs at all", N("a", "") N("b", "") N("c", ""),
		"> a b c; b done; a done; c done; >; finished yes" },
	{ "lowest first", N("c", "") N("a", "") N("b", ""), "> c a b" },
	{ "a join without a word", N("a", "") N("b", "") S("c") S("d"),
		"> a b; b done; >; a done; > c; c done; > d" },
	{ "needs below itself", N("a", "b") N("b", ""),
		"> b; b done; > a; a done; finished yes" },
	{ "two chains", N("a", "") N("x", "") N("b", "a") N("y", "x"),
		"> a x; x done; > y; y done; >; a done; > b" },
	{ "a skipped step settles", S("a") S("b"),
		"> a; a skipped; > b; b done; finished yes" },
	{ "review blocks what needs it",
		S("a") N("b", "a") N("c", "b") N("d", ""),
		"> a d; a review; >; ! b c; d done; >; finished no; ! b c" },
	{ "review blocks a chain", S("a") S("b") S("c"),
		"> a; a review; >; ! b c; finished no" },
	{ "review in the middle", S("a") S("b") S("c"),
		"> a; a done; > b; b review; >; ! c" },
	{ "approved after review", S("a") S("b"),
		"> a; a review; a done; rebuild; > b; ! ; b done;"
		"finished yes" },
	{ "allowed to fail", S("a") ALLOW S("b"),
		"> a; a review; ! ; fast no; > b; b done; finished yes" },
	{ "allowed to fail, by name", S("a") ALLOW N("b", "a"),
		"> a; a review; > b" },
	{ "set back to pending", S("a") S("b"),
		"> a; a pending; > a; a done; > b" },
	{ "given back", N("a", "") N("b", ""), "back a; back a; > a b" },
	{ "never begun", N("a", "") N("b", ""), "> a b; a pending; > a" },
	{ "an approval blocks, and is no failure", "[pipeline]\n"
		"fail_fast = 1\n" S("a") N("b", "a") N("c", ""),
		"> a c; a approval; fast no; ! b; c done; >; finished no;"
		"a done; rebuild; ! ; > b" },
	{ "an approval blocks a chain", S("a") S("b") S("c"),
		"> a; a approval; >; ! b c; a skipped; rebuild; > b" },
	{ "an approval of what may fail", S("a") ALLOW S("b"),
		"> a; a approval; >; ! b; finished no; a review; rebuild;"
		"> b; b done; finished yes" },
	{ "an approval and clean-up", S("a") ALWAYS("z", "done")
		ALWAYS("y", "review"),
		"> a; a approval; >; rest y; y done; >; finished no" },

	{ "a retry is waited for", S("a") S("b"),
		"> a; next never; a waits 5; >; next 5; at 4; >; next 5; at 5;"
		"next never; > a; next never; a done; > b" },
	{ "waits in their order", N("a", "") N("b", "") N("c", "") N("d", ""),
		"> a b c d; a waits 7; b waits 5; c waits 6; d waits 5;"
		"next 5; at 5; next 6; > b d; at 6; next 7; > c; at 7; > a" },
	{ "due together: lowest first", N("a", "") N("b", "") N("c", ""),
		"> a b c; a waits 9; c waits 1; b waits 5; at 9; > a b c" },
	{ "due, and started later", N("a", "") N("b", ""),
		"> a b; a waits 5; at 6; b waits 9; at 9; > a b" },
	{ "a wait holds up what needs it", S("a") N("b", "a") N("c", ""),
		"> a c; a waits 5; c done; >; ! ; finished no; next 5; at 5;"
		"> a; a done; > b" },
	{ "a wait that is over long ago", S("a"), "> a; a waits 5; at 500;"
		"> a; a waits 510; next 510" },
	{ "a wait is ended by a person", S("a") S("b"), "> a; a waits 50;"
		"a pending; rebuild; next never; > a; a waits 50; a skipped;"
		"rebuild; next never; > b" },
	{ "a wait, rebuilt", S("a"), "> a; a waits 5; rebuild; >; next 5;"
		"at 2; rebuild; next 5; at 5; rebuild; at 5; > a" },
	{ "due, rebuilt", S("a"), "> a; a waits 5; at 5; rebuild; at 5; > a" },
	{ "many waits", N("a", "") N("b", "") N("c", "") N("d", "") N("e", "")
		N("f", "") N("g", "") N("h", ""), "> a b c d e f g h;"
		"h waits 1; g waits 2; f waits 3; e waits 4; d waits 5;"
		"c waits 6; b waits 7; a waits 8; at 1; > h; at 2; > g; at 3;"
		"> f; at 4; > e; at 5; > d; next 6; at 6; > c; at 7; > b;"
		"next 8; at 8; > a" },
	{ "a failure while another one waits", "[pipeline]\nfail_fast = yes\n"
		N("a", "") N("b", "") ALWAYS("z", "review"),
		"> a b; a waits 5; next 5; b review; fast yes; next never;"
		"at 5; >; next never; rest z" },
	{ "a failure while another one is due", "[pipeline]\n"
		"fail_fast = yes\n" N("a", "") N("b", ""),
		"> a b; a waits 5; at 5; b review; >; next never" },
	{ "a failure while others are ready", "[pipeline]\n"
		"fail_fast = yes\n" POOL("p", "") N("a", "") N("b", "")
		N("c", "a") N("d", "a") N("e", "a") IN("f", "p") IN("g", "p"),
		"> a b f/0; ready yes; a done; ready yes; b review; ready no;"
		">; f done; ready no; >; rebuild; ready no; b pending;"
		"rebuild; ready yes; > b c d e g/0" },
	{ "only, and another one waits", N("a", "") N("b", ""),
		"> a b; a waits 5; b waits 9; only b; >; next 9; at 9; > b" },
	{ "only one that waits", N("a", "") N("b", ""),
		"> a b; b done; a waits 5; only a; >; next 5; at 5; > a" },
	{ "clean-up while one waits", S("a") ALWAYS("y", "review")
		ALWAYS("z", "done"),
		"> a; a waits 5; >; closing; next never; > y z" },
	{ "clean-up waits", S("a") S("z") "always = review\n",
		"> a; a review; rest z; z waits 5; >; next 5; at 5; > z;"
		"z waits 9; rebuild; next never; rest ; next 9; at 9; > z" },

	{ "a pool has one slot", POOL("gpu", "") IN("a", "gpu") IN("b", "gpu")
		IN("c", "gpu"), "> a/0; >; next never; a done; > b/0;"
		"b review; > c/0; c done; >" },
	{ "a pool of two", POOL("gpu", "slots = 2\n") IN("a", "gpu")
		IN("b", "gpu") IN("c", "gpu") IN("d", "gpu"),
		"> a/0 b/1; b done; > c/1; a done; > d/0" },
	{ "slots with names", POOL("gpu", "slots = left right\n")
		IN("a", "gpu") IN("b", "gpu") IN("c", "gpu"),
		"> a/left b/right; b done; > c/right" },
	{ "lowest first, in and out of pools", POOL("p", "") POOL("q", "")
		N("a", "") IN("b", "q") IN("c", "p") N("d", "") IN("e", "q"),
		"> a b/0 c/0 d; b done; > e/0" },
	{ "a full pool does not block another lane", POOL("p", "")
		POOL("q", "") IN("a", "p") IN("b", "p") N("c", "")
		IN("d", "q") IN("e", "p") N("f", ""),
		"> a/0 c d/0 f; a done; > b/0; d done; >; b done; > e/0" },
	{ "a retry gives its slot back", POOL("p", "") IN("a", "p")
		IN("b", "p"), "> a/0; a waits 5; > b/0; at 5; >; next never;"
		"b done; > a/0" },
	{ "a retry does not hold its pool", POOL("p", "slots = 2\n")
		IN("a", "p") IN("b", "p") IN("c", "p"),
		"> a/0 b/1; a waits 5; > c/0; next 5; c done; at 5; > a/0" },
	{ "a limit holds its pool", POOL("p", "slots = 2\n") IN("a", "p")
		IN("b", "p") IN("c", "p") N("d", ""),
		"> a/0 b/1 d; a parks 9; >; next 9; d done; b done; >; next 9;"
		"at 8; >; at 9; next never; > a/0 c/1" },
	{ "a limit holds its pool only", POOL("p", "") POOL("q", "")
		IN("a", "p") IN("b", "p") IN("c", "q") IN("d", "q") N("e", "")
		N("f", "e"), "> a/0 c/0 e; a parks 9; c done; e done; > d/0 f;"
		"next 9" },
	{ "without a pool a limit holds its step", N("a", "") N("b", ""),
		"> a b; a parks 9; b pending; > b; next 9; at 9; > a" },
	{ "the later of two limits", POOL("p", "slots = 2\n") IN("a", "p")
		IN("b", "p") IN("c", "p"),
		"> a/0 b/1; a parks 9; b parks 5; >; next 5; at 5; >; next 9;"
		"at 9; > a/0 b/1" },
	{ "a limit, rebuilt", POOL("p", "") IN("a", "p") IN("b", "p"),
		"> a/0; a parks 9; rebuild; at 1; >; next 9; at 9; > a/0" },
	{ "a limit is over at a person's word", POOL("p", "") IN("a", "p")
		IN("b", "p"), "> a/0; a parks 9; >; a pending; rebuild; at 0;"
		"> a/0; a done; > b/0" },
	{ "a limit of a step that is not chosen", POOL("p", "") IN("a", "p")
		IN("b", "p"), "> a/0; a parks 9; only b; at 0; >; next 9;"
		"at 9; > b/0; b done; >; next never" },
	{ "a limit and then a retry", POOL("p", "") IN("a", "p") IN("b", "p"),
		"> a/0; a parks 9; at 9; > a/0; a waits 15; > b/0; next 15" },
	{ "so long between two", POOL("p", "slots = 3\nmin_interval = 10s\n")
		IN("a", "p") IN("b", "p") IN("c", "p") N("d", ""),
		"> a/0 d; next 10; at 9; >; next 10; at 10; > b/1; next 20;"
		"b done; >; next 20; at 20; > c/1; next never" },
	{ "so long between two, of one slot", POOL("p",
		"min_interval = 10s\n") IN("a", "p") IN("b", "p"),
		"> a/0; next never; at 30; a done; > b/0" },
	{ "an interval and a limit", POOL("p", "min_interval = 10s\n")
		IN("a", "p") IN("b", "p"), "> a/0; a parks 5; next 5; at 5; >;"
		"next 10; at 10; > a/0; a parks 60; next 60" },
	{ "an interval, rebuilt", POOL("p", "min_interval = 10s\n")
		IN("a", "p") IN("b", "p"), "> a/0; a done; at 3; rebuild;"
		"at 3; >; next 10; at 10; > b/0" },
	{ "slots, rebuilt", POOL("p", "slots = x y z\n") IN("a", "p")
		IN("b", "p") IN("c", "p") IN("d", "p") IN("e", "p"),
		"> a/x b/y c/z; b done; rebuild; at 0; > d/y; rebuild; at 0;"
		">; a done; c done; > e/x" },
	{ "given back to its pool", POOL("p", "slots = 2\n") IN("a", "p")
		IN("b", "p"), "back a/0; back a/0; > a/0 b/1" },
	{ "gates need no slot", POOL("p", "slots = 2\n") IN("a", "p")
		IN("b", "p") IN("c", "p") IN("d", "p"),
		"> a/0 b/1; a gates; > a c/0; a done; >; b parks 9; >;"
		"c gates; > c; rebuild; at 1; >; next 9; at 9; > b/0 d/1" },
	{ "other pipelines have the slots", POOL("p", "slots = 2\n")
		IN("a", "p") IN("b", "p") N("c", ""),
		"> a/0 b/1 c; a pending; b pending; full p; >; next unknown;"
		"c waits 5; next 5; free p; > a/0 b/1" },
	{ "another pipeline was told of a limit", POOL("p", "") IN("a", "p")
		N("b", ""), "held p 7; > b; next 7; rebuild; at 1; >; next 7;"
		"at 7; > a/0" },

	/* the clock is set back */
	{ "back, by what clocks are put right by", S("a"), "at 1000; > a;"
		"a waits 1010; at 940; >; next 1010; at 1010; > a" },
	{ "back, to before the wait was noted", S("a"),
		"at 1000; > a; a waits 1010; at 940; >; next 1010; at 939;"
		"next never; > a" },
	{ "back, to before the limit was met", POOL("p", "") IN("a", "p")
		IN("b", "p"),
		"at 9000; > a/0; a parks 9100; at 8940; >; next 9100; at 8939;"
		"next never; > a/0; a done; > b/0" },
	{ "back, before one of two waits was noted", N("a", "") N("b", ""),
		"at 1000; > a b; a waits 9000; at 2000; b waits 9500; at 1500;"
		"next 9000; > b; at 9000; > a" },
	{ "back, before one of two limits was met", POOL("p", "slots = 2\n")
		IN("a", "p") IN("b", "p") IN("c", "p"), "at 1000; > a/0 b/1;"
		"b parks 9050; at 5000; a parks 9100; at 2000; >; next 9050;"
		"at 9050; > a/0 b/1" },
	{ "back, between two limits that were met", POOL("p", "slots = 2\n")
		IN("a", "p") IN("b", "p"),
		"at 9000; > a/0 b/1; b parks 9050; at 9080; a parks 9200;"
		"at 9030; >; next 9200; at 9200;"
		"> a/0 b/1" },
	{ "back, between two", POOL("p", "slots = 2\nmin_interval = 10s\n")
		IN("a", "p") IN("b", "p"), "at 1000; > a/0; at 100; >;"
		"next 110; at 110; > b/1" },
	{ "back, in several pools", POOL("p", "min_interval = 10s\n")
		POOL("q", "min_interval = 10s\n") POOL("r",
		"min_interval = 20s\n") IN("a", "p") IN("b", "p") IN("c", "q")
		IN("d", "q") IN("e", "r") IN("f", "r"),
		"at 1000; > a/0 c/0 e/0; a done; c done; e done; at 100; >;"
		"next 110; at 110; > b/0 d/0; next 120; at 120; > f/0" },
	{ "back, after a limit that was met", POOL("p", "") IN("a", "p")
		IN("b", "p"), "at 1000; > a/0; a parks 1010; at 1010; > a/0;"
		"a done; at 500; > b/0" },
	{ "back, and what others said of their limit", POOL("p", "")
		IN("a", "p"), "at 1000; held p 1500; >; next 1500; at 500;"
		"> a/0" },
	{ "back, and what was due stays due", POOL("p", "") IN("a", "p")
		IN("b", "p"), "at 1000; > a/0; a waits 1010; > b/0; at 1010;"
		">; at 500; b done; > a/0" },
	{ "from another time, at the start", S("a"), "at 9999; > a;"
		"a waits 10010; rebuild; at 1; > a" },
	{ "from another time, rebuilt", POOL("p", "") IN("a", "p")
		IN("b", "p"), "at 9999; > a/0; a parks 10010; rebuild; at 1;"
		"> a/0; a done; rebuild; at 2; > b/0" },

	{ "clean-up when all is done", S("a") ALWAYS("z", "done") S("b"),
		"> a; a done; > b; >; b done; finished no; > z; z done;"
		"finished yes" },
	{ "clean-up does not hold up a chain", ALWAYS("z", "done") S("a"),
		"> a; a done; finished no; > z; z done; finished yes" },
	{ "clean-up not after review", S("a") ALWAYS("z", "done"),
		"> a; a review; >; rest; ! ; finished no" },
	{ "clean-up after an allowed failure",
		S("a") ALLOW ALWAYS("z", "done"),
		"> a; a review; > z; z done; finished yes" },
	{ "clean-up at rest", S("a") S("b") ALWAYS("z", "review"),
		"> a; a review; >; rest z; z done; >; ! b; finished no" },
	{ "clean-up at rest, and done as well",
		S("a") ALWAYS("z", "review") ALWAYS("y", "done"),
		"> a; a done; > z y" },
	{ "clean-up in order", S("a") ALWAYS("y", "done")
		S("z") "always = done\nneeds = y\n",
		"> a; a done; > y; y done; > z; z done; finished yes" },
	{ "clean-up that fails", S("a") ALWAYS("z", "done"),
		"> a; a done; > z; z review; >; finished no" },
	{ "closing", S("a") S("b") ALWAYS("z", "done"),
		"> a; a done; closing; > z; >" },

	{ "only", S("a") S("b") S("c"), "only b; >" },
	{ "only the first", S("a") S("b") S("c"),
		"only a; > a; a done; >; finished no" },
	{ "only, needs done", S("a") N("b", "a") N("c", "a"),
		"> a; a done; only c; > c; c done; >; finished no" },
	{ "only two", N("a", "") N("b", "") N("c", ""), "only a c; > a c" },
	{ "until", S("a") S("b") S("c"),
		"until b; > a; a done; > b; b done; >; finished no" },
	{ "until, by needs", N("a", "") N("b", "") N("c", "a") N("d", "b"),
		"until c; > a; a done; > c; c done; >" },
	{ "until, through a chain", N("a", "") N("b", "") S("c") N("d", "c"),
		"until d; > a b; a done; b done; > c; c done; > d" },
	{ "until and clean-up", S("a") S("b") ALWAYS("z", "done"),
		"until a; > a; a done; >" },
	{ "until, below a clean-up", ALWAYS("z", "done") S("a") S("b"),
		"until b; > a; a done; > b; b done; ready no; >; finished no" },
	{ "until, with a need below", N("a", "c") S("b") N("c", "") N("d", ""),
		"until b; > c; c done; > a; a done; > b; b done; >" },
	{ "until, and others are ready", N("a", "") N("b", ""),
		"until a; > a; ready no; a done; ready no" },
	{ "until a clean-up", S("a") ALWAYS("z", "done"),
		"until z; > a; a done; > z" },

	{ "fail fast no", N("a", "") N("b", ""),
		"> a b; a review; b review; fast no" },
	{ "fail fast yes", "[pipeline]\nfail_fast = yes\n" N("a", "")
		N("b", ""), "> a b; fast no; a review; fast yes" },
	{ "fail fast 2", "[pipeline]\nfail_fast = 2\n" N("a", "") N("b", "")
		N("c", ""),
		"> a b c; a review; fast no; b done; fast no; c review;"
		"fast yes" },
	{ "fail fast 50%", "[pipeline]\nfail_fast = 50%\n" N("a", "")
		N("b", "") N("c", "") N("d", ""),
		"> a b c d; a review; fast no; b review; fast yes" },
	{ "fail fast 100%", "[pipeline]\nfail_fast = 100%\n" N("a", "")
		N("b", ""),
		"> a b; fast no; a review; fast no; b review; fast yes" },
	{ "fail fast, allowed", "[pipeline]\nfail_fast = 1\n" S("a") ALLOW
		S("b"), "> a; a review; fast no; > b" },
	{ "fail fast starts nothing", "[pipeline]\nfail_fast = yes\n"
		N("a", "") N("b", "") N("c", "a") ALWAYS("z", "review"),
		"> a b; b review; a done; >; rest z; z done; >; finished no" },
	{ "fail fast counts anew", "[pipeline]\nfail_fast = 2\n" N("a", "")
		N("b", ""),
		"> a b; a review; rebuild; fast no; a pending; rebuild; > a;"
		"a review; fast no; b review; fast yes; rebuild; fast yes" },

	{ "below in a chain", S("a") S("b") S("c"),
		"below a = a b c; below b = b c; below c = c" },
	{ "below by needs", N("a", "") N("b", "") N("c", "a") N("d", "c b"),
		"below a = a c d; below b = b d; below c = c d" },
	{ "below in a mixture", N("a", "") N("b", "") S("c") N("d", "a"),
		"below a = a c d; below b = b c; below d = d" },
	{ "below by needs of a chain", S("a") S("b") N("c", "b") N("d", ""),
		"below a = a b c; below b = b c; below d = d" },
	{ "below and clean-up", N("a", "") N("b", "") ALWAYS("z", "done"),
		"below a = a z; below z = z" },
	{ "below a need that stands below", N("a", "c") N("b", "") N("c", "")
		S("d"), "below c = a c d; below b = b d" },
	{ "below, two branches", S("a") N("b", "a") N("c", "a") N("d", "b")
		N("e", "c") N("f", "d e"), "below b = b d f; below a = "
		"a b c d e f" },
	{ "below a clean-up that another one needs", S("a")
		ALWAYS("y", "done") S("z") "always = done\nneeds = y\n",
		"below a = a y z; below y = y z" },
	{ "rewound", S("a") S("b") S("c"),
		"> a; a done; > b; b done; > c; c done; finished yes;"
		"b pending; c pending; rebuild; finished no; > b; b done;"
		"> c" },
	{ "rewound with clean-up", S("a") ALWAYS("z", "done"),
		"> a; a done; > z; z done; a pending; z pending; rebuild;"
		"> a; a done; > z" },
	{ "blocked through two", S("a") N("b", "a") N("c", "b") N("d", ""),
		"> a d; d done; a review; ! b c; b skipped; rebuild; > c" },
};

/* The clock, when a story says 0. */
#define EPOCH ((int64_t)1700000000 * 1000)

static struct plan pl;
static struct pipeline *p;
static struct state st;
static int64_t now;
static const char *saying;

static int step_of(const char *name)
{
	int i = pipeline_find(p, name);

	if (i < 0)
		fail_msg("%s: no step %s", saying, name);
	return i;
}

static void names_are(const bool *mark, char *rest)
{
	struct buf is = { 0 }, expected = { 0 };
	char *w;
	int i;

	buf_str(&is, "");
	buf_str(&expected, "");
	for (i = 0; i < p->nsteps; i++)
		if (mark[i])
			buf_printf(&is, " %s", p->step[i].name);
	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		buf_printf(&expected, " %s", w);
	if (strcmp(is.data, expected.data) != 0)
		fail_msg("%s:%s, expected%s", saying, is.data, expected.data);
	buf_release(&is);
	buf_release(&expected);
}

/* NAME, or NAME/SLOT, of a step that plan_next() gave out. */
static void given_out(int step, int slot, struct buf *out)
{
	int pool = step >= 0 ? p->step[step].conf->pool : -1;

	buf_reset(out);
	buf_str(out, step >= 0 ? p->step[step].name : "nothing");
	if (slot < 0)
		return;
	assert_true(pool >= 0 && slot < p->pool[pool].nslots);
	buf_printf(out, "/%s", p->pool[pool].slot[slot]);
}

/* As attempt.c does it. */
static void begin(struct plan *plan, int step, int slot)
{
	struct task *t = plan_task(plan, step);

	plan_started(plan, step, slot, now);
	t->state = TASK_RUNNING;
	t->parked = false;
	if (t->ran)
		return;
	t->started_at = now;
	t->slot = slot >= 0 ? p->pool[p->step[step].conf->pool].slot[slot] :
		NULL;
}

static void starts(char *rest)
{
	struct buf is = { 0 };
	int step, slot;
	char *w;

	while ((w = strtok_r(rest, " ", &rest)) != NULL) {
		step = plan_next(&pl, now, &slot);
		given_out(step, slot, &is);
		if (strcmp(is.data, w) != 0)
			fail_msg("%s: %s starts, not %s", saying, is.data, w);
		begin(&pl, step, slot);
	}
	step = plan_next(&pl, now, &slot);
	given_out(step, slot, &is);
	if (step != -1)
		fail_msg("%s: %s starts, too", saying, is.data);
	buf_release(&is);
}

static void gives_back(const char *word)
{
	struct buf is = { 0 };
	int slot, step = plan_next(&pl, now, &slot);

	given_out(step, slot, &is);
	if (strcmp(is.data, word) != 0)
		fail_msg("%s: %s, not %s", saying, is.data, word);
	plan_give_back(&pl, step);
	buf_release(&is);
}

static int64_t time_of(const char *word)
{
	return EPOCH + atoll(word) * 1000;
}

static void waits(const char *word)
{
	int64_t at = -1;
	bool any = plan_waits(&pl, now, &at);

	if (strcmp(word, "never") == 0 ? any : !any ||
	    at != (strcmp(word, "unknown") == 0 ? 0 : time_of(word)))
		fail_msg("%s: next %s: %s %lld", saying, word, any ? "waits" :
			"nothing", (long long)(at - EPOCH));
}

static struct lane *lane_of(const char *pool)
{
	for (int i = 1; i < pl.nlanes; i++)
		if (strcmp(pl.lane[i].pool->name, pool) == 0)
			return &pl.lane[i];
	fail_msg("%s: no pool %s", saying, pool);
	return NULL;
}

static bool yes(const char *word)
{
	assert_true(strcmp(word, "yes") == 0 || strcmp(word, "no") == 0);
	return strcmp(word, "yes") == 0;
}

static void moves(struct plan *plan, int step, enum task_state to)
{
	struct task *t = plan_task(plan, step);

	t->state = (uint8_t)to;
	t->slot = NULL;
	t->ran = t->approval = t->parked = false;
	t->until_at = 0;
	t->ended_at = now;
}

static void ends(int step, const char *how)
{
	static const struct { const char *word; enum task_state state; } h[] = {
		{ "done", TASK_DONE }, { "review", TASK_NEEDS_REVIEW },
		{ "approval", TASK_NEEDS_REVIEW }, { "skipped", TASK_SKIPPED },
		{ "pending", TASK_PENDING }, { "gates", TASK_PENDING },
		{ "waits", TASK_WAITING }, { "parks", TASK_WAITING },
	};
	struct task *t = plan_task(&pl, step);
	size_t i, n;

	for (i = 0; i < sizeof(h) / sizeof(h[0]); i++) {
		n = strlen(h[i].word);
		if (strncmp(h[i].word, how, n) != 0 ||
		    (how[n] != '\0' && how[n] != ' '))
			continue;
		moves(&pl, step, h[i].state);
		t->ran = strcmp(how, "gates") == 0;
		t->approval = strcmp(how, "approval") == 0;
		t->parked = how[0] == 'p' && how[1] == 'a';
		if (t->state == TASK_WAITING)
			t->until_at = time_of(how + n);
		plan_changed(&pl, step);
		return;
	}
	fail_msg("%s: %s", saying, how);
}

static void carry_out(char *word, char *rest)
{
	bool mark[16] = { false };
	int steps[16], n = 0;
	char *w;

	if (strcmp(word, ">") == 0) {
		starts(rest);
	} else if (strcmp(word, "at") == 0) {
		now = time_of(rest);
		plan_wake(&pl, now);
	} else if (strcmp(word, "next") == 0) {
		waits(rest);
	} else if (strcmp(word, "back") == 0) {
		gives_back(rest);
	} else if (strcmp(word, "full") == 0) {
		lane_of(rest)->full = true;
	} else if (strcmp(word, "free") == 0) {
		lane_of(rest)->full = false;
	} else if (strcmp(word, "held") == 0) {
		w = strsep(&rest, " ");
		lane_of(w)->held_until = time_of(rest);
	} else if (strcmp(word, "!") == 0) {
		plan_blocked(&pl, mark);
		names_are(mark, rest);
	} else if (strcmp(word, "rest") == 0) {
		assert_int_equal(plan_rest(&pl), *rest != '\0');
		starts(rest);
	} else if (strcmp(word, "finished") == 0) {
		if (plan_finished(&pl) != yes(rest))
			fail_msg("%s: finished, not %s", saying, rest);
	} else if (strcmp(word, "ready") == 0) {
		if (plan_ready(&pl) != yes(rest))
			fail_msg("%s: ready, not %s", saying, rest);
	} else if (strcmp(word, "fast") == 0) {
		if (pl.failed_fast != yes(rest))
			fail_msg("%s: fast, not %s", saying, rest);
	} else if (strcmp(word, "below") == 0) {
		plan_below(&pl, step_of(strsep(&rest, " ")), mark);
		assert_string_equal(strsep(&rest, " "), "=");
		names_are(mark, rest);
	} else if (strcmp(word, "only") == 0) {
		while ((w = strtok_r(rest, " ", &rest)) != NULL)
			steps[n++] = step_of(w);
		plan_choose_only(&pl, steps, n);
	} else if (strcmp(word, "until") == 0) {
		plan_choose_until(&pl, step_of(rest));
	} else if (strcmp(word, "rebuild") == 0) {
		plan_rebuild(&pl);
	} else if (strcmp(word, "closing") == 0) {
		pl.closing = true;
		plan_rebuild(&pl);
	} else {
		ends(step_of(word), rest);
	}
}

static void tell(const struct fact *f)
{
	char *story = strdup(f->story), *rest = story, *one;

	assert_non_null(story);
	saying = f->what;
	p = loads(f->ini);
	state_init(&st);
	plan_init(&pl, p, &st);
	now = EPOCH;
	plan_wake(&pl, now);
	while ((one = strsep(&rest, ";")) != NULL) {
		char *word;

		one += strspn(one, " ");
		word = strsep(&one, " ");
		if (*word != '\0')
			carry_out(word, one != NULL ? one : word +
				strlen(word));
	}
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	free(story);
}

static void stories(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		tell(&facts[i]);
}

/* The state has tasks that the file no longer has, in another order. */
static void edited_file(void **state)
{
	(void)state;
	saying = "edited";
	p = loads(S("a") S("b") S("c"));
	state_init(&st);
	(void)state_task(&st, "gone");
	(void)state_task(&st, "b");
	plan_init(&pl, p, &st);
	assert_int_equal(st.ntasks, 4);
	assert_int_equal(pl.task[1], 1);
	plan_wake(&pl, now);
	starts((char[]){ "a" });
	ends(0, "done");
	starts((char[]){ "b" });
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
}

/*
 * The same once more, worked out from the definition at every turn: what may
 * start, in which order and with which slots, and what is waited for.
 */
enum { STEPS = 14, POOLS = 3, SLOTS = 3 };

struct given_out {
	int step, slot;
};

struct model {
	bool due[STEPS];	/* its time had come; forgotten when it moves */
	int64_t last[POOLS];	/* the pool's last start */
};

static uint32_t seed = 99;

static int dice(int n)
{
	seed = seed * 1664525 + 1013904223;
	return (int)((seed >> 8) % (uint32_t)n);
}

static bool is_settled(int step)
{
	const struct task *t = plan_task(&pl, step);

	return t->state == TASK_DONE || t->state == TASK_SKIPPED ||
		(t->state == TASK_NEEDS_REVIEW && !t->approval &&
		p->step[step].conf->allow_failure);
}

static bool is_clean_up(int step)
{
	return p->step[step].conf->always == ALWAYS_DONE;
}

static int failures(void)
{
	int i, n = 0;

	for (i = 0; i < p->nsteps; i++)
		n += plan_task(&pl, i)->state == TASK_NEEDS_REVIEW &&
			!plan_task(&pl, i)->approval && !is_settled(i);
	return n;
}

static int unsettled(void)
{
	int i, n = 0;

	for (i = 0; i < p->nsteps; i++)
		n += !is_clean_up(i) && !is_settled(i);
	return n;
}

/* Does nothing but a time, or its pool, keep it from starting? */
static bool may(int step)
{
	const struct step *s = &p->step[step];
	const struct task *t = plan_task(&pl, step);
	int i;

	if (t->state != TASK_PENDING && t->state != TASK_WAITING)
		return false;
	for (i = 0; i < s->nneeds; i++)
		if (!is_settled(s->needs[i]))
			return false;
	if (is_clean_up(step))
		return unsettled() == 0;
	for (i = 0; s->needs_all && i < step; i++)
		if (!is_clean_up(i) && !is_settled(i))
			return false;
	return p->fail_fast == 0 || failures() < p->fail_fast;
}

/* Until when the pool lets nobody start. */
static int64_t closed_until(const struct model *m, int pool)
{
	int64_t until = m->last[pool] == 0 ? 0 : m->last[pool] +
		p->pool[pool].min_interval_ms;
	int i;

	for (i = 0; i < p->nsteps; i++)
		if (p->step[i].conf->pool == pool && !m->due[i] &&
		    plan_task(&pl, i)->state == TASK_WAITING &&
		    plan_task(&pl, i)->parked &&
		    plan_task(&pl, i)->until_at > until)
			until = plan_task(&pl, i)->until_at;
	return until;
}

static void count_slots(bool used[POOLS][SLOTS])
{
	int i, k;

	memset(used, 0, POOLS * SLOTS * sizeof(bool));
	for (i = 0; i < p->nsteps; i++) {
		const struct task *t = plan_task(&pl, i);
		int pool = p->step[i].conf->pool;

		if (t->state != TASK_RUNNING || t->slot == NULL)
			continue;
		for (k = 0; strcmp(p->pool[pool].slot[k], t->slot) != 0; k++)
			assert_true(k + 1 < p->pool[pool].nslots);
		/* no slot is given out twice */
		assert_false(used[pool][k]);
		used[pool][k] = true;
	}
}

/* All that starts now; the number. */
static int expected(const struct model *given, struct given_out *out)
{
	struct model m = *given;
	bool used[POOLS][SLOTS];
	int n = 0, i, k;

	count_slots(used);
	for (i = 0; i < p->nsteps; i++) {
		int pool = plan_task(&pl, i)->ran ? -1 :
			p->step[i].conf->pool;

		if (!may(i) || (plan_task(&pl, i)->state == TASK_WAITING &&
		    !m.due[i]))
			continue;
		k = -1;
		if (pool >= 0) {
			if (closed_until(&m, pool) > now)
				continue;
			for (k = 0; k < p->pool[pool].nslots && used[pool][k];
			    k++)
				;
			if (k == p->pool[pool].nslots)
				continue;
			used[pool][k] = true;
			m.last[pool] = now;
		}
		out[n++] = (struct given_out){ i, k };
	}
	return n;
}

static bool expects_wait(const struct model *m, int64_t *at)
{
	bool used[POOLS][SLOTS], any = false;
	int i, k;

	*at = 0;
	count_slots(used);
	for (i = 0; i < p->nsteps; i++) {
		const struct task *t = plan_task(&pl, i);
		int pool = t->ran ? -1 : p->step[i].conf->pool;
		int64_t when = 0;

		if (!may(i))
			continue;
		if (t->state == TASK_WAITING && !m->due[i]) {
			when = t->until_at;
		} else if (pool >= 0) {
			for (k = 0; k < p->pool[pool].nslots && used[pool][k];
			    k++)
				;
			if (k < p->pool[pool].nslots)
				when = closed_until(m, pool);
		}
		if (when != 0 && (*at == 0 || when < *at))
			*at = when;
		any |= when != 0;
	}
	return any;
}

/* A plan that is made now gives the same answers. */
static void same_anew(const struct given_out *out, int n)
{
	int64_t at, again;
	struct plan anew;
	int i, step, slot;

	plan_init(&anew, p, &st);
	plan_wake(&anew, now);
	assert_int_equal(anew.left, pl.left);
	assert_int_equal(anew.failures, pl.failures);
	assert_int_equal(anew.approvals, pl.approvals);
	assert_int_equal(anew.failed_fast, pl.failed_fast);
	assert_int_equal(plan_ready(&anew), plan_ready(&pl));
	assert_int_equal(plan_finished(&anew), plan_finished(&pl));
	assert_int_equal(plan_waits(&anew, now, &again),
		plan_waits(&pl, now, &at));
	assert_int_equal(again, at);
	for (i = 0; i < n; i++) {
		step = plan_next(&anew, now, &slot);
		assert_int_equal(step, out[i].step);
		assert_int_equal(slot, out[i].slot);
		plan_started(&anew, step, slot, now);
	}
	assert_int_equal(plan_next(&anew, now, &slot), -1);
	plan_release(&anew);
}

static void wake(struct model *m)
{
	int i;

	plan_wake(&pl, now);
	for (i = 0; i < p->nsteps; i++)
		if (plan_task(&pl, i)->state == TASK_WAITING && may(i) &&
		    plan_task(&pl, i)->until_at <= now)
			m->due[i] = true;
}

/* A person says something of a step that does not run. */
static void acts(struct model *m, int step)
{
	static const enum task_state to[] = { TASK_PENDING, TASK_DONE,
		TASK_SKIPPED };

	if (plan_task(&pl, step)->state != TASK_RUNNING)
		moves(&pl, step, to[dice(3)]);
	memset(m->due, 0, sizeof(m->due));
	plan_rebuild(&pl);
	wake(m);
}

static void attempt_ends(struct model *m, int step)
{
	static const char *const how[] = { "done", "done", "done", "skipped",
		"review", "pending", "waits", "parks", "approval", "gates" };
	char word[40];

	snprintf(word, sizeof(word), "%s",
		how[dice(sizeof(how) / sizeof(how[0]))]);
	if (word[0] == 'w' || strcmp(word, "parks") == 0)
		snprintf(word + 5, sizeof(word) - 5, " %lld",
			(long long)((now - EPOCH) / 1000 + dice(30)));
	/* so it is in the state: only what has slots keeps them */
	ends(step, word);
	m->due[step] = false;
}

static struct pipeline *any_pipeline(void)
{
	struct buf ini = { 0 };
	struct pipeline *any;
	int n = 2 + dice(STEPS - 1), npools = dice(POOLS + 1), i, k;

	if (dice(4) == 0)
		buf_printf(&ini, "[pipeline]\nfail_fast = %d\n", 1 + dice(3));
	for (i = 0; i < npools; i++) {
		buf_printf(&ini, "[pool p%d]\nslots = %d\n", i, 1 +
			dice(SLOTS));
		if (dice(2) == 0)
			buf_printf(&ini, "min_interval = %ds\n", 1 + dice(9));
	}
	for (i = 0; i < n; i++) {
		buf_printf(&ini, "[step s%d]\nrun = x\n", i);
		if (npools > 0 && dice(3) != 0)
			buf_printf(&ini, "pool = p%d\n", dice(npools));
		if (dice(6) == 0)
			buf_str(&ini, "allow_failure = yes\n");
		if (dice(9) == 0)
			buf_str(&ini, "always = done\n");
		else if (dice(4) != 0) {
			buf_str(&ini, "needs =");
			for (k = 0; k < i; k++)
				if (dice(4) == 0 && strstr(ini.data,
				    "always") == NULL)
					buf_printf(&ini, " s%d", k);
			buf_str(&ini, "\n");
		}
	}
	any = loads(ini.data);
	buf_release(&ini);
	return any;
}

/* Random pipelines, random ends, a clock that goes forward. */
static void random_pipelines(void **state)
{
	struct given_out out[STEPS];
	int round, turn, i, n, step, slot, started = 0, waited = 0;
	int64_t at, should;

	(void)state;
	saying = "random";
	for (round = 0; round < 400; round++) {
		struct model m = { 0 };

		p = any_pipeline();
		state_init(&st);
		now = EPOCH;
		plan_init(&pl, p, &st);
		plan_wake(&pl, now);
		for (turn = 0; turn < 120; turn++) {
			bool any;

			wake(&m);
			n = expected(&m, out);
			same_anew(out, n);
			for (i = 0; i < n; i++) {
				step = plan_next(&pl, now, &slot);
				assert_int_equal(step, out[i].step);
				assert_int_equal(slot, out[i].slot);
				begin(&pl, step, slot);
				m.due[step] = false;
				if (slot >= 0)
					m.last[p->step[step].conf->pool] = now;
			}
			assert_int_equal(plan_next(&pl, now, &slot), -1);
			started += n;
			any = plan_waits(&pl, now, &at);
			assert_int_equal(any, expects_wait(&m, &should));
			assert_int_equal(at, should);
			waited += any;
			assert_true(!any || at > now);
			step = dice(p->nsteps);
			if (plan_task(&pl, step)->state == TASK_RUNNING)
				attempt_ends(&m, step);
			else if (dice(8) == 0)
				acts(&m, step);
			else if (any && dice(2) == 0)
				now = at;
			else
				now += dice(4000);
		}
		plan_release(&pl);
		state_release(&st);
		pipeline_free(p);
	}
	/* and much has happened */
	assert_true(started > 5000 && waited > 2000);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* n steps, each with these keys, with so many running at a time. */
static double run_through(int n, const char *before, const char *keys,
	int slots)
{
	struct buf ini = { 0 };
	int *running = calloc((size_t)slots, sizeof(*running));
	int i, step, slot, nrunning = 0, begun = 0, done = 0;
	double began;

	assert_non_null(running);
	buf_reserve(&ini, (size_t)n * 40);
	buf_str(&ini, before);
	for (i = 0; i < n; i++)
		buf_printf(&ini, "[step s%d]\nrun = x\n%s", i, keys);
	p = loads(ini.data);
	state_init(&st);
	now = EPOCH;
	began = cpu();
	plan_init(&pl, p, &st);
	while (done < n) {
		plan_wake(&pl, now);
		while (nrunning < slots &&
		    (step = plan_next(&pl, now, &slot)) != -1) {
			assert_int_equal(step, begun++);
			begin(&pl, step, slot);
			running[nrunning++] = step;
		}
		assert_true(nrunning > 0);
		moves(&pl, running[--nrunning], TASK_DONE);
		plan_changed(&pl, running[nrunning]);
		done++;
	}
	assert_int_equal(plan_next(&pl, now, &slot), -1);
	assert_true(plan_finished(&pl));
	began = cpu() - began;
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	buf_release(&ini);
	free(running);
	return began;
}

/* A hundred thousand steps: milliseconds when it is linear; quadratic would be
 * minutes. The bound leaves room for a sanitizer on a slow machine. */
static void linear(void **state)
{
	(void)state;
	assert_true(run_through(100000, "", "", 1) < 2.0);
	assert_true(run_through(100000, "", "needs =\n", 4) < 2.0);
	assert_true(run_through(100000, "[pool p]\nslots = 2\n",
		"needs =\npool = p\n", 2) < 2.0);
}

/* As many wait for their times, which come one after another; in between the
 * clock is set back. */
static void linear_waits(void **state)
{
	enum { MANY = 100000 };
	struct buf ini = { 0 };
	int i, step, slot;
	double began;

	(void)state;
	for (i = 0; i < MANY; i++)
		buf_printf(&ini, "[step s%d]\nrun = x\nneeds =\n", i);
	p = loads(ini.data);
	state_init(&st);
	now = EPOCH;
	plan_init(&pl, p, &st);
	began = cpu();
	plan_wake(&pl, now);
	while ((step = plan_next(&pl, now, &slot)) != -1) {
		struct task *t = plan_task(&pl, step);

		moves(&pl, step, TASK_WAITING);
		t->until_at = now + 1 + (int64_t)step * 7919 % MANY;
		plan_changed(&pl, step);
	}
	plan_wake(&pl, now - 1);
	for (i = 1; i <= MANY; i++) {
		int64_t at;

		assert_true(plan_waits(&pl, now, &at));
		assert_int_equal(at, EPOCH + i);
		now = at;
		plan_wake(&pl, now);
		step = plan_next(&pl, now, &slot);
		assert_true(step >= 0);
		assert_int_equal(plan_task(&pl, step)->until_at, now);
		begin(&pl, step, slot);
		assert_int_equal(plan_next(&pl, now, &slot), -1);
	}
	assert_true(cpu() - began < 3.0);
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	buf_release(&ini);
}

static void linear_blocked(void **state)
{
	enum { MANY = 100000 };
	struct buf ini = { 0 };
	bool *mark = calloc(MANY, sizeof(*mark));
	struct timespec a, b;
	int i, n = 0;

	(void)state;
	assert_non_null(mark);
	for (i = 0; i < MANY; i++)
		buf_printf(&ini, "[step s%d]\nrun = x\n", i);
	p = loads(ini.data);
	state_init(&st);
	plan_init(&pl, p, &st);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	plan_task(&pl, 0)->state = TASK_NEEDS_REVIEW;
	plan_blocked(&pl, mark);
	for (i = 0; i < MANY; i++)
		n += mark[i];
	assert_int_equal(n, MANY - 1);
	memset(mark, 0, MANY * sizeof(*mark));
	plan_below(&pl, MANY / 2, mark);
	for (n = i = 0; i < MANY; i++)
		n += mark[i];
	assert_int_equal(n, MANY / 2);
	plan_choose_until(&pl, MANY - 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_true(b.tv_sec - a.tv_sec < 3);
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	buf_release(&ini);
	free(mark);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stories),
		cmocka_unit_test(edited_file),
		cmocka_unit_test(random_pipelines),
		cmocka_unit_test(linear),
		cmocka_unit_test(linear_waits),
		cmocka_unit_test(linear_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
