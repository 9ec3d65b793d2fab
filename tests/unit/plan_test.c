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
/* Fan-outs: over a list of their own, over the items of another one. */
#define FW(name, words) S(name) "foreach = " words "\n"
#define F(name) FW(name, name)
#define FN(name, needs) F(name) "needs = " needs "\n"
#define T(name, root) S(name) "foreach = step:" root "\n"
#define TN(name, needs, root) T(name, root) "needs = " needs "\n"

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
 *	back b/gpu0	plan_next() said so, and it was given back; the same in
 *			two: take b/gpu0, give b/gpu0
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

/*
 * Of fan-outs: "> g" is its own task; "g lists a b" makes its items known (all
 * those that are new) and ends it, "v follows" gives v the items of its root.
 * "g[a]" is an item. Besides:
 *
 *	realign v	v has the items of its root, as those are now
 *	forget g	its items are those of a plain step: none
 *	settled g yes, counts g yes, misaligned v yes, startable yes, total 3
 *	needed v[a] g = g[a]	plan_needed(), tied; or: needed j g whole g
 *	edit		the file is another one from here on
 */
static const struct fact fans[] = {
	{ "a fan-out", F("g"), "> g; total 1; counts g yes; g lists a b c;"
		"counts g no; counts g[a] yes; total 3;"
		"> g[a] g[b] g[c]; settled g no; g[b] done; g[a] done;"
		"finished no; settled g no; g[c] done; settled g yes;"
		"finished yes" },
	{ "no items", F("g") S("j"), "> g; g lists; settled g yes; counts g "
		"yes; total 2; > j; j done; finished yes" },
	{ "no items, joined by name", F("g") N("j", "g"),
		"> g; g lists; > j" },
	{ "no items, and one that follows", F("g") T("v", "g") S("j"),
		"> g; g lists; > v; >; v follows; > j; j done; finished yes" },
	{ "no items, and one that follows by name", F("g")
		TN("v", "g", "g") N("j", "v"),
		"> g; g lists; > v; >; v follows; > j; j done; finished yes" },
	{ "no items, a chain by name", F("g") TN("v", "g", "g")
		TN("w", "v", "v") N("j", "w"),
		"> g; g lists; > v w; v follows; w follows; > j" },
	{ "the list waits for what the step needs", S("a") F("g"),
		"> a; total 2; a done; > g; g lists x y; total 3;"
		"> g[x] g[y]" },
	{ "the list waits for what it names", N("a", "") N("b", "")
		FN("g", "b"), "> a b; b done; > g; g lists x; > g[x]" },
	{ "joined", F("g") S("j"), "> g; g lists a b; > g[a] g[b];"
		"g[b] done; >; g[a] done; > j" },
	{ "joined by name", F("g") N("j", "g") N("k", ""),
		"> g k; g lists a b; > g[a] g[b]; g[b] done; >; g[a] done;"
		"> j" },
	{ "joined by another fan-out", F("g") FN("h", "g"),
		"> g; g lists a b; > g[a] g[b]; g[a] done; >; g[b] done; > h;"
		"h lists a b; > h[a] h[b]" },
	{ "two lists are not tied", FN("g", "") FN("h", "") N("j", "g h"),
		"> g h; g lists a b; h lists a b; > g[a] g[b] h[a] h[b];"
		"g[a] done; g[b] done; h[b] done; >; h[a] done; > j" },

	/* item by item */
	{ "tied", F("g") T("v", "g"), "> g; g lists a b; > v g[a] g[b];"
		"v follows; >; g[b] done; > v[b]; v[b] done; finished no; >;"
		"g[a] done; > v[a]; v[a] done; finished yes" },
	{ "tied by name", F("g") TN("v", "g", "g"),
		"> g; g lists a b; > v g[a] g[b]; v follows; >; g[b] done;"
		"> v[b]; g[a] done; > v[a]" },
	{ "tied by the same words", FW("g", "a b") FW("v", "a b"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[b] done;"
		"> v[b]" },
	{ "the item first", F("g") T("v", "g"), "> g; g lists a b c;"
		"back v; > v g[a] g[b] g[c]; v follows; g[b] done; g[a] done;"
		"> v[a] v[b]" },
	{ "the item first, one at a time", POOL("p", "") F("g") "pool = p\n"
		T("v", "g") "pool = p\n",
		"> g; g lists a b c; > v g[a]/0; v follows; >; g[a] done;"
		"> v[a]/0; v[a] done; > g[b]/0; g[b] review; > g[c]/0;"
		"g[c] done; > v[c]/0; v[c] done; >; finished no" },
	{ "the item first, of three", POOL("p", "") F("g") "pool = p\n"
		TN("v", "g", "g") "pool = p\n" TN("w", "v", "v") "pool = p\n",
		"> g; g lists a b; > v w g[a]/0; v follows; w follows;"
		"g[a] done; > v[a]/0; v[a] done; > w[a]/0; w[a] done;"
		"> g[b]/0; g[b] done; > v[b]/0" },
	{ "tied ones before what stands between", POOL("p", "")
		F("g") "pool = p\n" IN("x", "p") TN("v", "g", "g")
		"pool = p\n", "> g x/0; g lists a b; > v; v follows; x done;"
		"> g[a]/0; g[a] done; > v[a]/0" },
	{ "a chain of three", F("g") T("v", "g") T("w", "v"),
		"> g; g lists a b; > v w g[a] g[b]; v follows; w follows; >;"
		"g[a] done; > v[a]; v[a] done; > w[a]; w[a] done; >;"
		"g[b] done; > v[b]; v[b] done; > w[b]; finished no;"
		"w[b] done; finished yes" },
	{ "a chain of three by name", F("g") TN("v", "g", "g")
		TN("w", "v", "v"), "> g; g lists a b; > v w g[a] g[b];"
		"v follows; w follows; g[b] done; > v[b]; v[b] done; > w[b];"
		"w[b] done; >; g[a] done; > v[a]; v[a] done; > w[a]" },
	{ "one needs two of them", F("g") TN("v", "g", "g")
		TN("u", "g", "g") TN("w", "v u", "g"),
		"> g; g lists a b; > v u w g[a] g[b]; v follows; u follows;"
		"w follows; g[a] done; > v[a] u[a]; v[a] done; >; u[a] done;"
		"> w[a]" },
	{ "by name, and all above", F("g") TN("v", "g", "g") T("w", "g"),
		"> g; g lists a b; > v w g[a] g[b]; v follows; w follows; >;"
		"g[a] done; > v[a]; g[b] done; > v[b]; v[b] done; > w[b];"
		"v[a] done; > w[a]" },
	{ "all above, then by name", F("g") T("v", "g") TN("w", "g", "g")
		T("y", "g"), "> g; g lists a; > v w y g[a]; v follows;"
		"w follows; y follows; g[a] done; > v[a] w[a]; v[a] done; >;"
		"w[a] done; > y[a]" },
	{ "a step between that is not tied", F("g") S("j") T("v", "g"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] done; >;"
		"g[b] done; > j; j done; > v[a] v[b]" },
	{ "one between that needs nothing", F("g") N("x", "") T("v", "g"),
		"> g x; g lists a b; > v g[a] g[b]; v follows; g[a] done; >;"
		"x done; > v[a]; g[b] done; > v[b]" },
	{ "one between, done first", F("g") N("x", "") T("v", "g"),
		"> g x; x done; g lists a b; > v g[a] g[b]; v follows;"
		"g[a] done; > v[a]" },
	{ "two between", F("g") N("x", "") T("v", "g") N("y", "")
		T("w", "g"), "> g x y; g lists a; > v w g[a]; v follows;"
		"w follows; g[a] done; >; y done; >; x done; > v[a];"
		"v[a] done; > w[a]" },
	{ "another fan-out between", F("g") FN("h", "") T("v", "g"),
		"> g h; g lists a b; h lists x; > v g[a] g[b] h[x];"
		"v follows; g[a] done; >; h[x] done; > v[a]" },
	{ "two that are tied among two others", F("g") FN("h", "")
		TN("v", "g", "g") TN("w", "h", "h"),
		"> g h; g lists a; h lists x; > v g[a] w h[x]; v follows;"
		"w follows; h[x] done; > w[x]; g[a] done; > v[a]" },
	{ "what stands below the tied ones", F("g") T("v", "g") S("j"),
		"> g; g lists a; > v g[a]; v follows; g[a] done; > v[a]; >;"
		"v[a] done; > j" },
	{ "what needs a tied one only", F("g") T("v", "g") N("j", "g"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] done;"
		"> v[a]; g[b] done; > v[b] j" },
	{ "members in any order", TN("w", "v", "g") TN("v", "g", "g")
		FN("g", ""), "> g; g lists a b; > w v g[a] g[b]; w follows;"
		"v follows; g[b] done; > v[b]; v[b] done; > w[b]; g[a] done;"
		"> v[a]; v[a] done; > w[a]; w[a] done; finished no;"
		"w[b] done; finished yes" },
	{ "members in any order, and one that needs all", TN("v", "g", "g")
		FN("g", "") T("w", "g"), "> g; g lists a b; > v w g[a] g[b];"
		"v follows; w follows; g[a] done; > v[a]; v[a] done; > w[a];"
		"g[b] done; > v[b]" },
	{ "another need as well", F("g") N("x", "") TN("v", "g x", "g"),
		"> g x; g lists a b; > v g[a] g[b]; v follows; g[a] done; >;"
		"g[b] done; x done; > v[a] v[b]" },
	{ "it follows only when the list is there", F("g")
		TN("v", "g", "g"), "> g; >; g review; >; ! v; finished no;"
		"g pending; rebuild; > g; g lists a; > v g[a]" },
	{ "it follows late", F("g") T("v", "g"), "> g; g lists a b;"
		"> v g[a] g[b]; g[a] done; g[b] done; >; v follows;"
		"> v[a] v[b]" },
	{ "it follows late, by name", F("g") TN("v", "g", "g"),
		"> g; g lists a b; > v g[a] g[b]; g[a] done; g[b] done; >;"
		"v follows; > v[a] v[b]" },
	{ "one member follows, another not yet", F("g") T("v", "g")
		T("w", "g"), "> g; g lists a; > v w g[a]; w follows;"
		"g[a] done; >; v follows; > v[a]; v[a] done; > w[a]" },
	{ "what an item needs", F("g") T("v", "g") S("j") FN("h", ""),
		"> g h; needed v g whole g; g lists a b; h lists a;"
		"> v g[a] g[b] h[a]; v follows; needed v[a] g = g[a];"
		"needed v[b] g = g[b]; needed g[b] v = v[b];"
		"needed h[a] g whole g; needed j g whole g;"
		"needed v g whole g" },
	{ "a skipped item settles", F("g") T("v", "g"), "> g; g lists a;"
		"> v g[a]; v follows; g[a] skipped; > v[a]; v[a] skipped;"
		"finished yes" },

	/* so many at a time */
	{ "parallel", F("g") "parallel = 2\n", "> g; g lists a b c d;"
		"> g[a] g[b]; ready no; g[b] done; > g[c]; g[c] review;"
		"> g[d]; g[d] done; >; g[a] done; finished no" },
	{ "parallel, more than there are", F("g") "parallel = 9\n",
		"> g; g lists a b; > g[a] g[b]; g[a] done; >" },
	{ "parallel, of each step", F("g") "parallel = 1\n" T("v", "g")
		"parallel = 1\n", "> g; g lists a b c; > v g[a]; v follows;"
		"g[a] done; > v[a] g[b]; g[b] done; > g[c]; v[a] done;"
		"> v[b]" },
	{ "parallel, and a retry", F("g") "parallel = 1\n",
		"> g; g lists a b; > g[a]; g[a] waits 5; > g[b]; at 5; >;"
		"next never; g[b] done; > g[a]" },
	{ "parallel, and the first again", F("g") "parallel = 1\n",
		"> g; g lists a b c; > g[a]; g[a] waits 5; > g[b]; at 5;"
		"g[b] done; > g[a]; g[a] done; > g[c]" },
	{ "parallel, and the first again, with a pool", POOL("p", "")
		"slots = 3\n" F("g") "parallel = 2\npool = p\n",
		"> g; g lists a b c d; > g[a]/0 g[b]/1; g[a] waits 5;"
		"g[b] waits 5; > g[c]/0 g[d]/1; at 5; g[d] done; > g[a]/1;"
		"g[c] done; > g[b]/0" },
	{ "parallel, and a pool of less", POOL("p", "") F("g")
		"parallel = 2\npool = p\n", "> g; g lists a b c; > g[a]/0; >;"
		"g[a] waits 5; > g[b]/0; at 5; g[b] done; > g[a]/0;"
		"g[a] done; > g[c]/0" },
	{ "parallel, and the pool is another's", POOL("p", "") IN("x", "p")
		F("g") "needs =\nparallel = 1\npool = p\n",
		"> x/0 g; g lists a b; >; next never; x done; > g[a]/0;"
		"g[a] done; > g[b]/0" },
	{ "parallel, given back", F("g") "parallel = 1\n",
		"> g; g lists a b; back g[a]; back g[a]; > g[a]; >;"
		"g[a] pending; > g[a]; g[a] done; > g[b]" },
	{ "parallel, given back, and an earlier one came due meanwhile",
		F("g") "parallel = 1\n", "> g; g lists a b c; > g[a];"
		"g[a] waits 5; take g[b]; at 5; give g[b]; > g[a];"
		"g[a] done; > g[b]" },
	{ "parallel, rebuilt", F("g") "parallel = 2\n", "> g;"
		"g lists a b c d; > g[a] g[b]; rebuild; at 0; >; g[b] done;"
		"rebuild; at 0; > g[c]; >; rebuild; at 0; g[a] done;"
		"> g[d]; g[d] done; g[c] done; finished yes" },
	{ "parallel, rebuilt while it waits", F("g") "parallel = 1\n",
		"> g; g lists a b c; > g[a]; g[a] waits 5; rebuild; at 0;"
		"> g[b]; next 5; at 5; >; g[b] done; > g[a]" },
	{ "parallel, gates as well", F("g") "parallel = 1\n",
		"> g; g lists a b; > g[a]; g[a] gates; > g[a]; >; g[a] done;"
		"> g[b]" },
	{ "parallel, and its pool is held", POOL("p", "slots = 2\n") F("g")
		"parallel = 1\npool = p\n", "> g; g lists a b c; > g[a]/0;"
		"g[a] parks 9; >; next 9; at 9; > g[a]/0; g[a] done;"
		"> g[b]/0" },
	{ "parallel, and a limit", F("g") "parallel = 1\n",
		"> g; g lists a b c; > g[a]; g[a] parks 9; >; next 9; at 9;"
		"> g[a]; >; g[a] done; > g[b]; g[b] parks 20; >; next 20;"
		"at 20; > g[b]; g[b] done; > g[c]" },
	{ "parallel, tied to one without", F("g") T("v", "g")
		"parallel = 1\n", "> g; g lists a b c; > v g[a] g[b] g[c];"
		"v follows; g[c] done; > v[c]; g[a] done; g[b] done; >;"
		"v[c] done; > v[a]; v[a] done; > v[b]" },
	{ "parallel, and too many failures", "[pipeline]\nfail_fast = 1\n"
		F("g") "parallel = 1\n", "> g; g lists a b; > g[a];"
		"g[a] review; fast yes; >; ready no; g[a] pending; rebuild;"
		"> g[a]; g[a] done; > g[b]" },
	{ "parallel, of clean-up", S("a") F("z")
		"always = done\nparallel = 1\n", "> a; a done; > z;"
		"z lists x y; > z[x]; z[x] done; > z[y]; z[y] done;"
		"finished yes" },
	{ "parallel, more join", F("g") "parallel = 1\n", "> g;"
		"g lists a b; > g[a]; g pending; rebuild; > g; g lists c;"
		"rebuild; >; g[a] done; > g[b]; g[b] done; > g[c]" },

	/* pools */
	{ "the list needs no slot", POOL("p", "") IN("x", "p") F("g")
		"needs =\npool = p\n", "> x/0 g; g lists a b; >; x done;"
		"> g[a]/0; >; g[a] done; > g[b]/0" },
	{ "the list is no start of the pool", POOL("p",
		"min_interval = 10s\n") F("g") "pool = p\n",
		"> g; at 3; g lists a b; > g[a]/0; g[a] done; >; next 13;"
		"rebuild; at 3; >; next 13; at 13; > g[b]/0" },
	{ "the list is no start of the pool, rebuilt", POOL("p",
		"min_interval = 10s\n") F("g") "pool = p\n",
		"> g; at 3; g lists a b; rebuild; at 3; > g[a]/0" },
	{ "a limit holds the pool's items", POOL("p", "slots = 2\n") F("g")
		"pool = p\n" T("v", "g") "pool = p\n" N("x", ""),
		"> g x; g lists a b c; > v g[a]/0 g[b]/1; v follows;"
		"g[b] done; > v[b]/1; g[a] parks 9; >; next 9; v[b] done; >;"
		"next 9; at 9; > g[a]/0 g[c]/1" },
	{ "slots of items, rebuilt", POOL("p", "slots = x y\n") F("g")
		"pool = p\n", "> g; g lists a b c; > g[a]/x g[b]/y;"
		"g[a] done; rebuild; at 0; > g[c]/x; rebuild; at 0; >" },

	/* a limit without a pool */
	{ "a limit holds all items", F("g") N("x", ""), "> g x;"
		"g lists a b c; > g[a] g[b] g[c]; g[a] parks 9; g[b] pending;"
		">; next 9; startable no; x done; >; at 8; >; next 9; at 9;"
		"next never; > g[a] g[b]" },
	{ "a limit holds the items of its step only", F("g")
		TN("v", "g", "g"), "> g; g lists a b; > v g[a] g[b];"
		"v follows; g[b] done; > v[b]; g[a] parks 9; v[b] pending;"
		"> v[b]; v[b] parks 20; >; next 9; at 9; > g[a]; g[a] done;"
		">; next 20; at 20; > v[a] v[b]" },
	{ "what is left of an attempt is not held", F("g"),
		"> g; g lists a b; > g[a] g[b]; g[a] parks 9; g[b] gates;"
		"> g[b]; g[b] done; >" },
	{ "a limit, and a retry of another item", F("g"),
		"> g; g lists a b; > g[a] g[b]; g[a] parks 9; g[b] waits 5;"
		">; next 5; at 5; >; next 9; at 9; > g[a] g[b]" },
	{ "a limit, and a later retry", F("g"), "> g; g lists a b;"
		"> g[a] g[b]; g[a] parks 9; g[b] waits 15; >; next 9; at 9;"
		"> g[a]; next 15; at 15; > g[b]" },
	{ "the later of two limits, of items", F("g"), "> g; g lists a b c;"
		"> g[a] g[b] g[c]; g[a] parks 9; g[b] parks 20;"
		"g[c] pending; >; next 9; at 9; >; next 20; at 20;"
		"> g[a] g[b] g[c]" },
	{ "a limit of items, rebuilt", F("g"), "> g; g lists a b;"
		"> g[a] g[b]; g[b] parks 9; g[a] pending; rebuild; at 0; >;"
		"next 9; at 9; > g[a] g[b]" },
	{ "a limit of items is over at a person's word", F("g"),
		"> g; g lists a b; > g[a] g[b]; g[b] parks 9; g[a] pending;"
		">; g[b] pending; rebuild; at 0; > g[a] g[b]" },
	{ "a limit of an item that is not chosen", F("g"), "> g;"
		"g lists a b; > g[a] g[b]; g[a] parks 9; g[b] pending;"
		"only g[b]; at 0; >; next 9; at 9; > g[b]; next never" },
	{ "a limit, and items that join", F("g"), "> g; g lists a; > g[a];"
		"g[a] parks 9; g pending; rebuild; at 0; > g; g lists b; >;"
		"next 9; rebuild; at 0; >; next 9; at 9; > g[a] g[b]" },
	{ "a limit, and what is tied comes due", F("g") T("v", "g"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] done;"
		"> v[a]; v[a] parks 9; g[b] done; >; next 9; at 9;"
		"> v[a] v[b]" },

	/* the clock is set back */
	{ "back, to before a limit of items was met", F("g"),
		"> g; g lists a b; at 9000; > g[a] g[b]; g[a] parks 9100;"
		"g[b] pending; >; at 8941; >; next 9100; at 8939; next never;"
		"> g[a] g[b]" },
	{ "back, before one of two limits of items was met", F("g"),
		"> g; g lists a b c; at 1000; > g[a] g[b] g[c];"
		"g[c] pending; g[b] parks 9050; at 5000; g[a] parks 9100;"
		"at 2000; >; next 9050; at 9050; > g[a] g[b] g[c]" },
	{ "back, and what was due stays due, of items", F("g"),
		"> g; g lists a b; at 1000; > g[a] g[b]; g[a] waits 1005;"
		"g[b] parks 1030; at 1010; >; next 1030; at 1000; >;"
		"next 1030; at 1030; > g[a] g[b]" },
	{ "back, and a limit of one that may not start", POOL("p",
		"slots = 2\n") IN("a", "p") IN("b", "p"), "> a/0 b/1;"
		"a parks 9; b pending; only b; >; next 9; at 1; >; at 0; >;"
		"next 9; at 9; > b/0" },

	{ "back a little, and a limit that was over", POOL("p",
		"slots = 2\n") IN("a", "p") IN("b", "p"), "at 1000;"
		"> a/0 b/1; a parks 1010; full p; at 1010; >; at 1005; free p;"
		"> a/0" },

	/* in review */
	{ "review of an item", F("g") T("v", "g") S("j") N("x", ""),
		"> g x; g lists a b; > v g[a] g[b]; v follows; g[a] review;"
		"! v[a] j; g[b] done; > v[b]; v[b] done; >; finished no;"
		"! v[a] j; g[a] done; rebuild; ! ; > v[a]; v[a] done; > j" },
	{ "review of an item, by name", F("g") TN("v", "g", "g")
		TN("w", "v", "v") N("j", "w") N("k", "g"),
		"> g; g lists a b; > v w g[a] g[b]; v follows; w follows;"
		"g[b] review; ! v[b] w[b] j k; g[a] done; > v[a];"
		"v[a] review; ! v[b] w[a] w[b] j k" },
	{ "review of a tied item holds the same one", F("g") T("v", "g")
		T("w", "g"), "> g; g lists a b; > v w g[a] g[b]; v follows;"
		"w follows; g[a] done; > v[a]; v[a] review; ! w[a]; g[b] done;"
		"> v[b]; v[b] done; > w[b]" },
	{ "review of a list", F("g") T("v", "g") S("j"), "> g; g review; >;"
		"! v j; finished no; g pending; rebuild; > g; g lists;"
		"> v; v follows; > j" },
	{ "an item may fail", F("g") ALLOW T("v", "g") S("j"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] review; ! ;"
		"> v[a]; g[b] done; > v[b]; v[a] done; v[b] done; > j;"
		"j done; finished yes" },
	{ "a list may fail", F("g") ALLOW S("j"), "> g; g review; ! ;"
		"settled g yes; > j; j done; finished yes" },
	{ "a list may fail, and its followers go on", F("g") ALLOW
		T("v", "g") S("j"), "> g; g review; > v; v follows; > j;"
		"j done; finished yes" },
	{ "a list may fail, and its followers go on, by name", F("g") ALLOW
		TN("v", "g", "g") N("j", "v"), "> g; g review; > v; v follows;"
		"> j; j done; finished yes" },
	{ "a list is skipped", F("g") TN("v", "g", "g") N("j", "v"),
		"g skipped; rebuild; > v; v follows; > j" },
	{ "an item to approve", "[pipeline]\nfail_fast = 1\n" F("g")
		T("v", "g") S("j"), "> g; g lists a b; > v g[a] g[b];"
		"v follows; g[a] approval; fast no; ! v[a] j; g[b] done;"
		"> v[b]; g[a] done; rebuild; ! ; > v[a]" },
	{ "an item to approve that may fail", F("g") ALLOW T("v", "g"),
		"> g; g lists a; > v g[a]; v follows; g[a] approval; >;"
		"! v[a]; finished no; g[a] review; rebuild; > v[a]" },

	/* below */
	{ "below an item", F("g") T("v", "g") S("j") ALWAYS("z", "done"),
		"> g; g lists a b; > v g[a] g[b]; v follows;"
		"below g[a] = g[a] v[a] j z; below v[b] = v[b] j z;"
		"below g = g g[a] g[b] v v[a] v[b] j z;"
		"below v = v v[a] v[b] j z; below j = j z" },
	{ "below an item, by name", F("g") TN("v", "g", "g")
		TN("w", "v", "v") N("j", "v") N("k", ""), "> g k;"
		"g lists a b; > v w g[a] g[b]; v follows; w follows;"
		"below g[a] = g[a] v[a] w[a] j; below v[b] = v[b] w[b] j;"
		"below w[a] = w[a]; below g = g g[a] g[b] v v[a] v[b] w "
		"w[a] w[b] j; below w = w w[a] w[b]" },
	{ "below an item, and a join between", F("g") S("j") T("v", "g"),
		"> g; g lists a b; > v g[a] g[b]; v follows;"
		"below g[a] = g[a] j v v[a] v[b]; below v[a] = v[a]" },
	{ "below an item, and a join that nobody below needs", F("g")
		N("j", "g") TN("v", "g", "g"), "> g; g lists a b;"
		"> v g[a] g[b]; v follows; below g[a] = g[a] j v[a];"
		"below j = j" },
	{ "below an item of one that is alone", F("g") FN("h", "g")
		N("x", ""), "> g x; g lists a b; below g[a] = g[a] h;"
		"g[a] done; > g[b]; g[b] done; > h; h lists q;"
		"below g[a] = g[a] h h[q]; below h[q] = h[q]" },
	{ "below an item, when its followers are not there yet", F("g")
		T("v", "g") S("j"), "> g; g lists a b;"
		"below g[a] = g[a] v j" },
	{ "below two of them", F("g") TN("v", "g", "g") T("w", "g")
		TN("x", "g", "g") T("y", "g") S("j"), "> g; g lists a;"
		"> v w x y g[a]; v follows; w follows; x follows; y follows;"
		"below g[a] = g[a] v[a] w[a] x[a] y[a] j;"
		"below v[a] = v[a] w[a] y[a] j;"
		"below x[a] = x[a] y[a] j; below w[a] = w[a] y[a] j" },
	{ "below a step above a fan-out", S("a") F("g") T("v", "g"),
		"> a; below a = a g v; a done; > g; g lists x; > v g[x];"
		"v follows; below a = a g g[x] v v[x]" },
	{ "rewound below an item", F("g") T("v", "g") S("j"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] done;"
		"g[b] done; > v[a] v[b]; v[a] done; v[b] done; > j; j done;"
		"finished yes; g[b] pending; v[b] pending; j pending;"
		"rebuild; finished no; > g[b]; g[b] done; > v[b]; v[b] done;"
		"> j" },
	{ "rewound below the whole", F("g") T("v", "g") S("j"),
		"> g; g lists a; > v g[a]; v follows; g[a] done; > v[a];"
		"v[a] done; > j; j done; g pending; g[a] pending; v pending;"
		"v[a] pending; j pending; rebuild; > g g[a]; g[a] done;"
		"g lists b; > v v[a] g[b]; v follows; g[b] done; > v[b];"
		"v[a] done; v[b] done; > j" },

	/* too many failures */
	{ "fail fast counts items", "[pipeline]\nfail_fast = 2\n" F("g")
		N("x", ""), "> g x; g lists a b c d; > g[a] g[b] g[c] g[d];"
		"g[a] review; fast no; g[b] pending; > g[b]; g[c] review;"
		"fast yes; g[b] pending; >; g[b] done; x done; finished no" },
	{ "fail fast N% counts items", "[pipeline]\nfail_fast = 50%\n"
		F("g"), "> g; g lists a b c d; > g[a] g[b] g[c] g[d];"
		"g[a] review; fast no; g[b] done; g[d] review; fast yes" },
	{ "fail fast N%, of what is known", "[pipeline]\nfail_fast = 50%\n"
		N("x", "") F("g") "needs =\n", "> x g; x review; fast yes; >;"
		"g lists a b c; fast no; > g[a] g[b] g[c]; rebuild; fast no" },
	{ "fail fast, and a list", "[pipeline]\nfail_fast = yes\n" F("g"),
		"> g; g review; fast yes; >" },

	/* chosen */
	{ "only an item", F("g") T("v", "g") S("j"), "> g; g lists a b;"
		"only g[b]; > v g[b]; v follows; g[b] done; >; finished no" },
	{ "only a step of items", F("g") T("v", "g") S("j"),
		"only g; > g; g lists a b; > v g[a] g[b]; v follows;"
		"g[a] done; g[b] done; >; finished no" },
	{ "only one that follows", F("g") T("v", "g"), "only v; >" },
	{ "only one that follows, whose list is known", F("g") T("v", "g"),
		"> g; g lists a b; > v g[a] g[b]; g[a] done; v pending;"
		"only v; > v; v follows; > v[a]; g[b] done; > v[b]" },
	{ "only an item of one that follows", F("g") T("v", "g"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] done;"
		"g[b] done; only v[b]; > v[b]; v[b] done; >" },
	{ "only an item that is not listed yet", F("g") T("v", "g") S("j"),
		"want g[b]; > g; g lists a b; > v g[b]; v follows; g[b] done;"
		">; finished no" },
	{ "only one of those that follow, not listed yet", F("g")
		TN("v", "g", "g"), "want v[b]; > g; g lists a b; > v;"
		"v follows; >; finished no" },
	{ "only one that is listed when it is asked again", F("g")
		T("v", "g"), "> g; g lists a; > v g[a]; v follows; g[a] done;"
		"> v[a]; v[a] pending; g pending; want v[b]; want g[b]; at 0;"
		"> g; g lists b c; > g[b]; realign v; rebuild; g[b] done;"
		"> v[b]; v[b] done; >; finished no" },
	{ "only one that was listed once", F("g"), "> g; g lists a b;"
		"> g[a] g[b]; g[b] pending; g[a] done; forget g; g pending;"
		"rebuild; want g[b]; > g; g lists b a; > g[b]; g[b] done;"
		"finished yes" },
	{ "a list is asked again, whatever was chosen", F("g") N("x", "")
		"", "> g x; g lists a; > g[a]; x pending; g pending; only x;"
		"> g x; g lists b; >; g[a] done; >" },
	{ "only an item and a step", F("g") N("x", "") N("y", ""),
		"> g x y; x pending; y pending; g lists a b; only g[a] y;"
		"> g[a] y" },
	{ "until a fan-out", F("g") T("v", "g") S("j"),
		"until v; > g; g lists a b; > v g[a] g[b]; v follows;"
		"g[b] done; > v[b]; v[b] done; g[a] done; > v[a]; v[a] done;"
		">; finished no" },
	{ "until what needs a fan-out", N("x", "") F("g") "needs =\n"
		N("j", "g"),
		"until j; > g; g lists a; > g[a]; g[a] done; > j" },

	/* clean-up */
	{ "clean-up of items", S("a") F("z") "always = done\n",
		"> a; a done; > z; z lists x y; > z[x] z[y]; z[x] done;"
		"finished no; z[y] done; finished yes" },
	{ "clean-up of the same items", F("g") S("j") T("z", "g")
		"always = done\n", "> g; g lists a b; > z g[a] g[b];"
		"z follows; g[a] done; >; g[b] done; > j; >; j done;"
		"> z[a] z[b]; z[a] done; z[b] done; finished yes" },
	{ "clean-up of the same items, in order", F("g")
		TN("y", "g", "g") "always = done\n"
		TN("z", "y", "y") "always = done\n",
		"> g; g lists a b; > y z g[a] g[b]; y follows; z follows;"
		"g[a] done; >; g[b] done; > y[a] y[b]; y[b] done; > z[b];"
		"y[a] done; > z[a]; z[a] done; z[b] done; finished yes" },
	{ "clean-up at rest, of items", F("g") F("z") "always = review\n",
		"> g; g lists a b; > g[a] g[b]; g[a] review; g[b] done; >;"
		"rest z; z lists x; > z[x]; z[x] done; >; finished no" },
	{ "clean-up at rest, of the same items", F("g") T("z", "g")
		"always = review\n", "> g; g lists a b; > z g[a] g[b];"
		"z follows; g[a] review; g[b] done; >; rest z[a] z[b]" },
	{ "clean-up is not blocked by an item", F("g") ALWAYS("z", "done"),
		"> g; g lists a; > g[a]; g[a] review; >; ! ; rest" },
	{ "a tied clean-up holds up no one", F("g") TN("z", "g", "g")
		"always = done\n" T("w", "g"), "> g; g lists a b;"
		"> z w g[a] g[b]; z follows; w follows; g[a] done; > w[a];"
		"g[b] done; > w[b]; w[a] done; w[b] done; > z[a] z[b]" },
	{ "closing", F("g") F("z") "always = done\n", "> g; g lists a b;"
		"> g[a] g[b]; g[a] pending; g[b] pending; closing; > z;"
		"z lists x; > z[x]; >" },
	{ "closing, and a list", F("g") "always = done\n"
		TN("v", "g", "g") "always = done\n" N("x", ""),
		"> x; x pending; closing; > g; g lists a; > v g[a];"
		"v follows; g[a] done; > v[a]" },

	/* the list is asked again */
	{ "more items join", F("g") T("v", "g") S("j"),
		"> g; g lists a b; > v g[a] g[b]; v follows; g[a] done;"
		"g[b] done; > v[a] v[b]; v[a] done; v[b] done; > j; j done;"
		"finished yes; g pending; rebuild; finished no; > g;"
		"g lists c; misaligned v yes; realign v; misaligned v no;"
		"rebuild; total 7; settled g no; settled v no; settled j yes;"
		"> g[c]; g[c] done; > v[c]; v[c] done; finished yes" },
	{ "none joins", F("g") T("v", "g"), "> g; g lists a; > v g[a];"
		"v follows; g[a] done; > v[a]; v[a] done; g pending; rebuild;"
		"> g; g lists; rebuild; finished yes" },
	{ "the list is asked again while items run", F("g"),
		"> g; g lists a b; > g[a] g[b]; g[a] done; g pending; rebuild;"
		"at 0; > g; g[b] done; finished no; g lists c; > g[c];"
		"g[c] done; finished yes" },
	{ "the first items join", F("g") T("v", "g"), "> g; g lists; > v;"
		"v follows; finished yes; g pending; rebuild; > g;"
		"g lists a; misaligned v yes; realign v; rebuild; > g[a];"
		"g[a] done; > v[a]" },
	{ "asked again, in review", F("g") S("j"), "> g; g lists a; > g[a];"
		"g pending; rebuild; at 0; > g; g review; ! j; g[a] done; >;"
		"finished no; g lists b; rebuild; > g[b]" },
	{ "asked again, and it waits for nothing", F("g") N("j", "g"),
		"> g; g lists a; > g[a]; g[a] done; > j; j done; g pending;"
		"rebuild; > g; g lists; finished yes" },

	{ "the list is lost", F("g") T("v", "g"), "> g; g lists a; > v g[a];"
		"v follows; g[a] done; forget g; g pending; rebuild; > g" },

	/* the file has changed */
	{ "misaligned", F("g") T("v", "g"), "misaligned v no; > g;"
		"g lists a b; misaligned v yes; > v g[a] g[b];"
		"v follows; misaligned v no; misaligned g no" },
	{ "other items of its own", F("g") FN("v", ""), "> g v;"
		"g lists a b; v lists b a c; misaligned v no; misaligned g "
		"no" },
};

/* The same, and what the file becomes. */
static const struct edit {
	struct fact before;
	const char *after;
} edits[] = {
	{ { "no fan-out any more", F("g") S("j"), "> g; g lists a b;"
		"> g[a] g[b]; g[a] done; g[b] pending; edit; settled g no;"
		"counts g yes; total 2; >; forget g; g pending; rebuild; > g;"
		"g done; > j; edit; settled j no" },
		S("g") S("j") },
	{ { "no fan-out any more, and none follows", F("g") T("v", "g"),
		"> g; g lists a; > v g[a]; v follows; g[a] review; edit;"
		"total 2; ! ; finished no; below g = g v" },
		S("g") S("v") },
	{ { "no fan-out any more, but it was done", F("g") S("j"), "> g;"
		"g lists a b; > g[a] g[b]; g[a] skipped; g[b] done; edit;"
		"settled g yes; counts g yes; total 2; > j" },
		S("g") S("j") },
	{ { "a fan-out now", S("g") S("j"), "> g; g done; > j; edit;"
		"settled g yes; counts g yes; total 2; j done; finished yes;"
		"g pending; rebuild; > g; g lists a b; > g[a] g[b]" },
		F("g") S("j") },
	{ { "a fan-out now, and one that follows it", S("g"), "> g; g done;"
		"edit; misaligned v no; > v; v follows; finished yes" },
		F("g") TN("v", "g", "g") },
	{ { "it follows another one now", FN("g", "") FN("v", ""),
		"> g v; v lists b a c; > v[b] v[a] v[c]; v[b] done;"
		"v[a] pending; v[c] done; g pending; edit; misaligned v no; "
		"> g; g lists a b d; > g[a] g[b] g[d]; misaligned v yes;"
		"realign v; misaligned v no; rebuild; total 6; g[a] done;"
		"> v[a]; v[a] done; g[b] done; finished no; g[d] done;"
		"> v[d]" },
		F("g") T("v", "g") },
	{ { "it follows another one now, by name", FN("g", "") FN("v", ""),
		"> g v; v lists b a; > v[b] v[a]; v[a] pending; v[b] pending;"
		"g pending; edit; > g; g lists a b; > g[a] g[b]; realign v;"
		"rebuild; g[b] done; > v[b]" },
		F("g") TN("v", "g", "g") },
	{ { "it follows another one now, and its list is asked again",
		FN("g", "") FN("v", ""), "> g v; v lists c b a; > v[c] v[b] "
		"v[a]; v[c] pending; v[a] done; v[b] pending; v pending; edit;"
		">; g lists a b; > v g[a] g[b]; v follows; total 4;"
		"misaligned v no; >; g[b] done; > v[b]; g[a] done; >;"
		"v[b] done; finished yes" },
		F("g") T("v", "g") },
	{ { "it follows another one now, in its order", FN("g", "")
		FN("v", ""), "> g v; v lists b a; > v[b] v[a]; v[a] pending;"
		"v[b] pending; v pending; edit; >; g lists a b; > v g[a] g[b];"
		"v follows; needed v[a] g = g[a]; needed v[b] g = g[b];"
		"g[b] done; > v[b]; v[b] done; g[a] done; > v[a]; v[a] done;"
		"finished yes" },
		F("g") T("v", "g") },
	{ { "what is due stays due when lists change", POOL("p", "")
		IN("a", "p") IN("b", "p") FN("g", "") FN("v", ""),
		"> a/0 g v; v lists y x; > v[y] v[x]; v[x] done; v[y] done;"
		"v pending; edit; a waits 5; > b/0; g lists x y; at 5;"
		"> v g[x] g[y]; v follows; b done; > a/0" },
		POOL("p", "") IN("a", "p") IN("b", "p") FN("g", "")
		TN("v", "g", "g") },
	{ { "what was done joins", FN("g", "") FN("v", ""), "> g v;"
		"v lists a; > v[a]; v[a] done; v pending; edit; > ; g lists;"
		"> v; v follows; finished yes; g pending; v pending; rebuild;"
		"> g; g lists a; > v g[a]; v follows; >; g[a] done; >;"
		"finished yes" },
		F("g") T("v", "g") },
	{ { "it follows one that has no list", FN("g", "") FN("v", ""),
		"> g v; v lists a; > v[a]; v[a] pending; g skipped; edit;"
		"misaligned v yes; realign v; misaligned v no; rebuild;"
		"finished yes" },
		F("g") TN("v", "g", "g") },
};

/* The clock, when a story says 0. */
#define EPOCH ((int64_t)1700000000 * 1000)

static struct plan pl;
static struct pipeline *p;
static struct state st;
static int64_t now;
static const char *saying, *edited;

static int step_of(const char *name)
{
	int i = pipeline_find(p, name);

	if (i < 0)
		fail_msg("%s: no step %s", saying, name);
	return i;
}

static int unit_of(const char *name)
{
	int i = state_find(&st, name);

	if (i < 0 || plan_step(&pl, i) < 0)
		fail_msg("%s: no unit %s", saying, name);
	return i;
}

static const struct stepconf *conf_of(int unit)
{
	return p->step[plan_step(&pl, unit)].conf;
}

static void add_name(struct buf *out, const bool *mark, int unit)
{
	if (mark[unit])
		buf_printf(out, " %s", plan_unit(&pl, unit)->name);
}

/* In the order of the file, a fan-out's own task before its items. */
static void names_are(const bool *mark, char *rest)
{
	struct buf is = { 0 }, expected = { 0 };
	const int *items;
	char *w;
	int i, k, n;

	buf_str(&is, "");
	buf_str(&expected, "");
	for (i = 0; i < p->nsteps; i++) {
		add_name(&is, mark, pl.stage[i].task);
		items = plan_items(&pl, i, &n);
		for (k = 0; k < n; k++)
			add_name(&is, mark, items[k]);
	}
	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		buf_printf(&expected, " %s", w);
	if (strcmp(is.data, expected.data) != 0)
		fail_msg("%s:%s, expected%s", saying, is.data, expected.data);
	buf_release(&is);
	buf_release(&expected);
}

/* NAME, or NAME/SLOT, of a unit that plan_next() gave out. */
static void given_out(int unit, int slot, struct buf *out)
{
	int pool = unit >= 0 ? conf_of(unit)->pool : -1;

	buf_reset(out);
	buf_str(out, unit >= 0 ? plan_unit(&pl, unit)->name : "nothing");
	if (slot < 0)
		return;
	assert_true(pool >= 0 && slot < p->pool[pool].nslots);
	buf_printf(out, "/%s", p->pool[pool].slot[slot]);
}

/* As attempt.c does it. */
static void begin(struct plan *plan, int unit, int slot)
{
	struct task *t = plan_unit(plan, unit);

	plan_started(plan, unit, slot, now);
	t->state = TASK_RUNNING;
	t->parked = false;
	if (t->ran)
		return;
	t->started_at = now;
	/* it outlives the file */
	t->slot = slot >= 0 ? arena_dup(&st.arena,
		p->pool[conf_of(unit)->pool].slot[slot]) : NULL;
}

static void starts(char *rest)
{
	struct buf is = { 0 };
	int unit, slot;
	char *w;

	while ((w = strtok_r(rest, " ", &rest)) != NULL) {
		unit = plan_next(&pl, now, &slot);
		given_out(unit, slot, &is);
		if (strcmp(is.data, w) != 0)
			fail_msg("%s: %s starts, not %s", saying, is.data, w);
		begin(&pl, unit, slot);
	}
	unit = plan_next(&pl, now, &slot);
	given_out(unit, slot, &is);
	if (unit != -1)
		fail_msg("%s: %s starts, too", saying, is.data);
	buf_release(&is);
}

static void takes(const char *word)
{
	struct buf is = { 0 };
	int slot, unit = plan_next(&pl, now, &slot);

	given_out(unit, slot, &is);
	if (strcmp(is.data, word) != 0)
		fail_msg("%s: %s, not %s", saying, is.data, word);
	buf_release(&is);
}

static void gives_back(char *word)
{
	plan_give_back(&pl, unit_of(strsep(&word, "/")));
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

static void is_so(const char *what, bool is, const char *word)
{
	assert_true(strcmp(word, "yes") == 0 || strcmp(word, "no") == 0);
	if (is != (strcmp(word, "yes") == 0))
		fail_msg("%s: %s, not %s", saying, what, word);
}

static void moves(struct plan *plan, int unit, enum task_state to)
{
	struct task *t = plan_unit(plan, unit);

	t->state = (uint8_t)to;
	t->slot = NULL;
	t->ran = t->approval = t->parked = false;
	t->until_at = 0;
	t->ended_at = now;
}

static void ends(int unit, const char *how)
{
	static const struct { const char *word; enum task_state state; } h[] = {
		{ "done", TASK_DONE }, { "review", TASK_NEEDS_REVIEW },
		{ "approval", TASK_NEEDS_REVIEW }, { "skipped", TASK_SKIPPED },
		{ "pending", TASK_PENDING }, { "gates", TASK_PENDING },
		{ "waits", TASK_WAITING }, { "parks", TASK_WAITING },
	};
	struct task *t = plan_unit(&pl, unit);
	size_t i, n;

	for (i = 0; i < sizeof(h) / sizeof(h[0]); i++) {
		n = strlen(h[i].word);
		if (strncmp(h[i].word, how, n) != 0 ||
		    (how[n] != '\0' && how[n] != ' '))
			continue;
		moves(&pl, unit, h[i].state);
		t->ran = strcmp(how, "gates") == 0;
		t->approval = strcmp(how, "approval") == 0;
		t->parked = how[0] == 'p' && how[1] == 'a';
		if (t->state == TASK_WAITING)
			t->until_at = time_of(how + n);
		plan_changed(&pl, unit);
		return;
	}
	fail_msg("%s: %s", saying, how);
}

/* The records of fanout.c: more items, or those of another step. */
static void put_items(int step, const char *of, const char *list, int total)
{
	struct record r = { 0 };
	struct why why;

	record_start(&r, "items");
	r.at = now;
	record_set(&r, "step", p->step[step].name);
	if (of != NULL)
		record_set(&r, "of", of);
	if (list != NULL)
		record_set(&r, "list", list);
	record_set_number(&r, "total", total);
	if (state_apply(&st, &r, &why) == -1)
		fail_msg("%s: %s", saying, why.text);
}

static void has_items(int step, char *words)
{
	struct buf list = { 0 };
	int n;
	char *w;

	(void)plan_items(&pl, step, &n);
	while ((w = strtok_r(words, " ", &words)) != NULL) {
		if (list.len > 0)
			buf_char(&list, '\n');
		buf_str(&list, w);
		n++;
	}
	put_items(step, NULL, list.len > 0 ? list.data : NULL, n);
	buf_release(&list);
}

static void follows(int step)
{
	int root = p->step[step].root, n;

	assert_true(root >= 0 && root != step);
	(void)plan_items(&pl, root, &n);
	put_items(step, p->step[root].name, NULL, n);
}

/* unfan() in fanout.c, the first half. */
static void forgets(int step)
{
	struct record r = { 0 };
	struct why why;

	record_start(&r, "items");
	record_set(&r, "step", p->step[step].name);
	record_set_number(&r, "from", 0);
	record_set_number(&r, "total", 0);
	if (state_apply(&st, &r, &why) == -1)
		fail_msg("%s: %s", saying, why.text);
}

static void chooses(char *rest)
{
	char *w;

	while ((w = strtok_r(rest, " ", &rest)) != NULL)
		plan_choose(&pl, unit_of(w));
	plan_rebuild(&pl);
}

/* What is said of the plan. True: it was that. */
static bool says_of_plan(const char *word, char *rest)
{
	bool *mark = calloc(pl.nunits + 1, sizeof(*mark));
	bool known = true, tied;
	char *w;

	assert_non_null(mark);
	if (strcmp(word, "next") == 0) {
		waits(rest);
	} else if (strcmp(word, "!") == 0) {
		plan_blocked(&pl, mark);
		names_are(mark, rest);
	} else if (strcmp(word, "finished") == 0) {
		is_so(word, plan_finished(&pl), rest);
	} else if (strcmp(word, "ready") == 0) {
		is_so(word, plan_ready(&pl), rest);
	} else if (strcmp(word, "startable") == 0) {
		is_so(word, plan_startable(&pl), rest);
	} else if (strcmp(word, "fast") == 0) {
		is_so(word, pl.failed_fast, rest);
	} else if (strcmp(word, "settled") == 0) {
		w = strsep(&rest, " ");
		is_so(w, plan_settled(&pl, step_of(w)), rest);
	} else if (strcmp(word, "counts") == 0) {
		w = strsep(&rest, " ");
		is_so(w, plan_counts(&pl, unit_of(w)), rest);
	} else if (strcmp(word, "misaligned") == 0) {
		w = strsep(&rest, " ");
		is_so(w, plan_misaligned(&pl, step_of(w)), rest);
	} else if (strcmp(word, "total") == 0) {
		assert_int_equal(pl.total, atoi(rest));
	} else if (strcmp(word, "below") == 0) {
		plan_below(&pl, unit_of(strsep(&rest, " ")), mark);
		assert_string_equal(strsep(&rest, " "), "=");
		names_are(mark, rest);
	} else if (strcmp(word, "needed") == 0) {
		int unit = unit_of(strsep(&rest, " "));
		int other = step_of(strsep(&rest, " "));

		other = plan_needed(&pl, unit, other, &tied);
		w = strsep(&rest, " ");
		assert_string_equal(w, tied ? "=" : "whole");
		assert_string_equal(plan_unit(&pl, other)->name, rest);
	} else {
		known = false;
	}
	free(mark);
	return known;
}

static void is_edited(void)
{
	assert_non_null(edited);
	plan_release(&pl);
	pipeline_free(p);
	p = loads(edited);
	plan_init(&pl, p, &st);
	plan_wake(&pl, now);
}

static void carry_out(char *word, char *rest)
{
	char *w;

	if (says_of_plan(word, rest)) {
		return;
	} else if (strcmp(word, ">") == 0) {
		starts(rest);
	} else if (strcmp(word, "at") == 0) {
		now = time_of(rest);
		plan_wake(&pl, now);
	} else if (strcmp(word, "back") == 0) {
		takes(rest);
		gives_back(rest);
	} else if (strcmp(word, "take") == 0) {
		takes(rest);
	} else if (strcmp(word, "give") == 0) {
		gives_back(rest);
	} else if (strcmp(word, "full") == 0) {
		lane_of(rest)->full = true;
	} else if (strcmp(word, "free") == 0) {
		lane_of(rest)->full = false;
	} else if (strcmp(word, "held") == 0) {
		w = strsep(&rest, " ");
		lane_of(w)->held_until = time_of(rest);
	} else if (strcmp(word, "rest") == 0) {
		assert_int_equal(plan_rest(&pl), *rest != '\0');
		starts(rest);
	} else if (strcmp(word, "only") == 0) {
		chooses(rest);
	} else if (strcmp(word, "want") == 0) {
		w = strdup(rest);
		assert_non_null(w);
		w[strcspn(w, "[")] = '\0';
		plan_want(&pl, step_of(w), rest);
		plan_rebuild(&pl);
		free(w);
	} else if (strcmp(word, "until") == 0) {
		plan_choose_until(&pl, step_of(rest));
		plan_rebuild(&pl);
	} else if (strcmp(word, "rebuild") == 0) {
		plan_rebuild(&pl);
	} else if (strcmp(word, "closing") == 0) {
		pl.closing = true;
		plan_rebuild(&pl);
	} else if (strcmp(word, "edit") == 0) {
		is_edited();
	} else if (strcmp(word, "forget") == 0) {
		forgets(step_of(rest));
	} else if (strcmp(word, "realign") == 0) {
		follows(step_of(rest));
	} else {
		int unit = unit_of(word);

		if (strncmp(rest, "lists", 5) == 0) {
			has_items(plan_step(&pl, unit), rest + 5);
			rest = (char *)"done";
		} else if (strcmp(rest, "follows") == 0) {
			follows(plan_step(&pl, unit));
			rest = (char *)"done";
		}
		ends(unit, rest);
	}
}

static void tell(const struct fact *f, const char *after)
{
	char *story = strdup(f->story), *rest = story, *one;

	assert_non_null(story);
	saying = f->what;
	edited = after;
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
		tell(&facts[i], NULL);
	for (i = 0; i < sizeof(fans) / sizeof(fans[0]); i++)
		tell(&fans[i], NULL);
	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
		tell(&edits[i].before, edits[i].after);
}

/* The state has tasks that the file no longer has, in another order. */
static void edited_file(void **state)
{
	bool mark[8] = { false };

	(void)state;
	saying = "edited";
	p = loads(S("a") S("b") S("c"));
	state_init(&st);
	(void)state_task(&st, "gone");
	(void)state_task(&st, "b");
	plan_init(&pl, p, &st);
	assert_int_equal(st.ntasks, 4);
	assert_int_equal(pl.stage[1].task, 1);
	assert_int_equal(plan_step(&pl, 0), -1);
	assert_int_equal(plan_step(&pl, 1), 1);
	assert_int_equal(plan_step(&pl, 2), 0);
	/* nothing needs it any more */
	plan_below(&pl, 0, mark);
	assert_memory_equal(mark, ((bool[8]){ true }), sizeof(mark));
	plan_wake(&pl, now);
	starts((char[]){ "a" });
	ends(unit_of("a"), "done");
	starts((char[]){ "b" });
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
}

/*
 * The same once more, worked out from the words of plan.h at every turn: what
 * may start, in which order and with which slots, what is waited for, what is
 * blocked and what hangs on what.
 */
enum { STEPS = 8, POOLS = 3, SLOTS = 3, UNITS = 80, ITEMS = 6, WANTED = 9,
	ROUNDS = 1000 };

struct chosen {
	int unit, slot;
};

static struct model {
	int n;			/* tasks of the state */
	int step[UNITS];	/* -1: none, or no longer listed */
	int item[UNITS];
	bool due[UNITS];	/* its time had come; forgotten when it moves */
	int64_t last[POOLS];	/* the pool's last start */
	bool choosing, of_step[STEPS], of_unit[UNITS];
	char wanted[WANTED][8];	/* not listed yet, but chosen */
	int nwanted;
} m;

static uint32_t seed = 99;

static int dice(int n)
{
	seed = seed * 1664525 + 1013904223;
	return (int)((seed >> 8) % (uint32_t)n);
}

static int own_of(int step)
{
	return state_find(&st, p->step[step].name);
}

static const struct fan *fan_of(int step)
{
	return p->step[step].root != -1 ?
		state_fan(&st, &st.task[own_of(step)]) : NULL;
}

static int items_of(int step)
{
	const struct fan *fan = fan_of(step);

	return fan != NULL ? fan->n : 0;
}

/* The tasks of the state, by their names. */
static void map(void)
{
	struct buf name = { 0 };
	int i, k;

	assert_true(st.ntasks <= UNITS);
	m.n = (int)st.ntasks;
	for (i = 0; i < UNITS; i++)
		m.step[i] = m.item[i] = -1;
	for (i = 0; i < p->nsteps; i++) {
		m.step[own_of(i)] = i;
		for (k = 0; k < items_of(i); k++) {
			m.step[fan_of(i)->task[k]] = i;
			m.item[fan_of(i)->task[k]] = k;
		}
	}
	for (i = 0; i < m.n; i++) {
		for (k = 0; k < WANTED; k++)
			m.of_unit[i] |= strcmp(st.task[i].name,
				m.wanted[k]) == 0;
		assert_int_equal(plan_step(&pl, i), m.step[i]);
		if (m.step[i] != -1)
			assert_int_equal(pl.unit[i].item, m.item[i]);
	}
	buf_release(&name);
}

static const struct task *task(int unit)
{
	return &st.task[unit];
}

static bool waits_for_time(int unit)
{
	return task(unit)->state == TASK_WAITING && !m.due[unit];
}

static bool is_settled(int unit)
{
	const struct task *t = task(unit);

	return t->state == TASK_DONE || t->state == TASK_SKIPPED ||
		(t->state == TASK_NEEDS_REVIEW && !t->approval &&
		p->step[m.step[unit]].conf->allow_failure);
}

static bool step_settled(int step)
{
	int k;

	for (k = 0; k < items_of(step); k++)
		if (!is_settled(fan_of(step)->task[k]))
			return false;
	return is_settled(own_of(step));
}

static bool is_ordinary(int step)
{
	return p->step[step].conf->always == ALWAYS_NO;
}

static bool is_tied(int a, int b)
{
	return p->step[a].root != -1 && p->step[a].root == p->step[b].root;
}

static int failures(void)
{
	int i, n = 0;

	for (i = 0; i < m.n; i++)
		n += m.step[i] != -1 && task(i)->state == TASK_NEEDS_REVIEW &&
			!task(i)->approval && !is_settled(i);
	return n;
}

/* Too many of them. */
static bool fails_fast(void)
{
	int total = 0, i;

	for (i = 0; i < p->nsteps; i++)
		total += items_of(i) > 0 ? items_of(i) : 1;
	if (p->fail_fast == 0)
		return false;
	return p->fail_fast_percent ?
		failures() * 100 >= p->fail_fast * total :
		failures() >= p->fail_fast;
}

static bool all_settled(bool with_clean_up)
{
	int i;

	for (i = 0; i < p->nsteps; i++)
		if ((with_clean_up || is_ordinary(i)) && !step_settled(i))
			return false;
	return true;
}

/* Is what the unit needs of that step settled? */
static bool need_settled(int unit, int need)
{
	int item = m.item[unit];

	if (item == -1 || !is_tied(m.step[unit], need))
		return step_settled(need);
	return item < items_of(need) && is_settled(fan_of(need)->task[item]);
}

/* Does nothing but a time, its pool or `parallel` keep it from starting? */
static bool may(int unit)
{
	int step = m.step[unit], i;
	const struct step *s;

	if (step == -1 || (task(unit)->state != TASK_PENDING &&
	    task(unit)->state != TASK_WAITING))
		return false;
	s = &p->step[step];
	if (m.item[unit] == -1 && s->root != -1 && s->root != step)
		return is_settled(own_of(s->root));
	/* a list that is asked again is no work */
	if (m.choosing && !m.of_step[step] && !m.of_unit[unit] &&
	    (m.item[unit] != -1 || fan_of(step) == NULL))
		return false;
	for (i = 0; i < s->nneeds; i++)
		if (!need_settled(unit, s->needs[i]))
			return false;
	if (!is_ordinary(step))
		return all_settled(false) || pl.closing || (pl.at_rest &&
			s->conf->always == ALWAYS_REVIEW);
	for (i = 0; s->needs_all && i < step; i++)
		if (is_ordinary(i) && !need_settled(unit, i))
			return false;
	return !pl.closing && !fails_fast();
}

/* The first step of those with the same items. */
static int lead_of(int step)
{
	int i;

	for (i = 0; !is_tied(i, step) && i != step; i++)
		;
	return i;
}

static bool comes_before(int a, int b)
{
	int x = lead_of(m.step[a]), y = lead_of(m.step[b]);

	if (x != y)
		return x < y;
	if (m.item[a] != m.item[b])
		return m.item[a] < m.item[b];
	return m.step[a] < m.step[b];
}

/* All units of the file, in the order in which they are started. */
static int in_order(int *unit)
{
	int n = 0, i, k;

	for (i = 0; i < m.n; i++) {
		if (m.step[i] == -1)
			continue;
		for (k = n++; k > 0 && comes_before(i, unit[k - 1]); k--)
			unit[k] = unit[k - 1];
		unit[k] = i;
	}
	return n;
}

static int pool_of(int unit)
{
	bool list = m.item[unit] == -1 && p->step[m.step[unit]].root != -1;

	return list || task(unit)->ran ? -1 :
		p->step[m.step[unit]].conf->pool;
}

/* Until when a limit that one of its kind met lets nobody start. */
static int64_t parked_until(int step)
{
	int pool = p->step[step].conf->pool, i;
	int64_t until = 0;

	for (i = 0; i < m.n; i++)
		if (m.step[i] != -1 && waits_for_time(i) && task(i)->parked &&
		    (pool != -1 ? p->step[m.step[i]].conf->pool == pool :
		    m.step[i] == step && m.item[i] != -1) &&
		    task(i)->until_at > until)
			until = task(i)->until_at;
	return until;
}

/* Until when its pool, or the limit of its step, does not let it start. */
static int64_t closed_until(int unit, const int64_t *last)
{
	int pool = pool_of(unit);
	int64_t until, next;

	if (pool == -1 && (m.item[unit] == -1 || task(unit)->ran ||
	    p->step[m.step[unit]].conf->pool != -1))
		return 0;
	until = parked_until(m.step[unit]);
	if (pool != -1 && last[pool] != 0) {
		next = last[pool] + p->pool[pool].min_interval_ms;
		if (next > until)
			until = next;
	}
	return until;
}

static void count_running(bool used[POOLS][SLOTS], int running[STEPS])
{
	int i, k;

	memset(used, 0, POOLS * SLOTS * sizeof(bool));
	memset(running, 0, STEPS * sizeof(int));
	for (i = 0; i < m.n; i++) {
		int pool;

		if (m.step[i] == -1 || task(i)->state != TASK_RUNNING)
			continue;
		running[m.step[i]] += m.item[i] != -1;
		if (task(i)->slot == NULL)
			continue;
		pool = p->step[m.step[i]].conf->pool;
		for (k = 0; strcmp(p->pool[pool].slot[k], task(i)->slot) != 0;
		    k++)
			assert_true(k + 1 < p->pool[pool].nslots);
		/* no slot is given out twice */
		assert_false(used[pool][k]);
		used[pool][k] = true;
	}
}

/* As many of its step run as may. */
static bool too_many(int unit, const int running[STEPS])
{
	int parallel = p->step[m.step[unit]].conf->parallel;

	return m.item[unit] != -1 && parallel > 0 && !task(unit)->ran &&
		running[m.step[unit]] >= parallel;
}

static int free_slot(int pool, bool used[POOLS][SLOTS])
{
	int k;

	for (k = 0; k < p->pool[pool].nslots; k++)
		if (!used[pool][k])
			return k;
	return -1;
}

/* All that starts now; the number. */
static int expected(struct chosen *out)
{
	int running[STEPS], unit[UNITS], n = 0, i, k, units = in_order(unit);
	bool used[POOLS][SLOTS];
	int64_t last[POOLS];

	memcpy(last, m.last, sizeof(last));
	count_running(used, running);
	for (i = 0; i < units; i++) {
		int u = unit[i], pool = pool_of(u);

		if (!may(u) || waits_for_time(u) || too_many(u, running) ||
		    closed_until(u, last) > now)
			continue;
		k = -1;
		if (pool != -1) {
			k = free_slot(pool, used);
			if (k == -1)
				continue;
			used[pool][k] = true;
			last[pool] = now;
		}
		running[m.step[u]] += m.item[u] != -1;
		out[n++] = (struct chosen){ u, k };
	}
	return n;
}

static bool expects_wait(int64_t *at)
{
	bool used[POOLS][SLOTS], any = false;
	int running[STEPS], i, pool;
	int64_t when;

	*at = 0;
	count_running(used, running);
	for (i = 0; i < m.n; i++) {
		if (m.step[i] == -1 || !may(i))
			continue;
		pool = pool_of(i);
		if (waits_for_time(i))
			when = task(i)->until_at;
		else if (pool != -1 && (too_many(i, running) ||
		    free_slot(pool, used) == -1))
			when = 0;
		else
			when = closed_until(i, m.last);
		if (when <= now)
			continue;
		any = true;
		if (*at == 0 || when < *at)
			*at = when;
	}
	return any;
}

/* Does unit a need unit b, by itself? */
static bool hangs_on(int a, int b)
{
	int s = m.step[a], t = m.step[b], i;
	const struct step *step = &p->step[s];
	bool whole = false, named = false;

	if (s == t)
		return m.item[a] != -1 && m.item[b] == -1;
	for (i = 0; i < step->nneeds; i++)
		named |= step->needs[i] == t;
	if (step->needs_all && is_ordinary(t)) {
		named |= !is_ordinary(s) || t < s;
		whole = !is_ordinary(s);
	}
	if (!named || whole || !is_tied(s, t) || m.item[b] == -1)
		return named;
	/* the same item; while it is not known, it may be any */
	return m.item[a] != -1 ? m.item[a] == m.item[b] :
		m.item[b] >= items_of(s);
}

/* Whatever hangs on what is marked is marked. */
static void spread(bool *mark)
{
	bool again = true;
	int a, b;

	while (again) {
		again = false;
		for (a = 0; a < m.n; a++)
			for (b = 0; b < m.n && m.step[a] != -1 && !mark[a];
			    b++)
				if (mark[b] && m.step[b] != -1 &&
				    hangs_on(a, b))
					again = mark[a] = true;
	}
}

static void same_below(void)
{
	bool is[UNITS] = { false }, should[UNITS] = { false };
	int unit, i;

	plan_blocked(&pl, is);
	for (i = 0; i < m.n; i++)
		should[i] = m.step[i] != -1 &&
			task(i)->state == TASK_NEEDS_REVIEW && !is_settled(i);
	spread(should);
	for (i = 0; i < m.n; i++)
		assert_int_equal(is[i], should[i] && m.step[i] != -1 &&
			task(i)->state == TASK_PENDING &&
			is_ordinary(m.step[i]));
	unit = dice(m.n);
	if (m.step[unit] == -1)
		return;
	memset(is, 0, sizeof(is));
	memset(should, 0, sizeof(should));
	plan_below(&pl, unit, is);
	should[unit] = true;
	spread(should);
	assert_memory_equal(is, should, sizeof(is));
}

static void choose_again(struct plan *anew)
{
	int i;

	for (i = 0; m.choosing && i < m.n; i++)
		if (m.step[i] == -1)
			;
		else if (m.item[i] == -1 && m.of_step[m.step[i]])
			plan_choose(anew, i);
		else if (m.of_unit[i] && m.item[i] != -1)
			plan_choose(anew, i);
		else if (m.of_unit[i])
			plan_want(anew, m.step[i], "none");
	plan_rebuild(anew);
}

/* A plan that is made now gives the same answers. */
static void same_anew(const struct chosen *out, int n)
{
	int64_t at, again;
	struct plan anew;
	int i, unit, slot;

	plan_init(&anew, p, &st);
	anew.closing = pl.closing;
	choose_again(&anew);
	if (pl.at_rest)
		(void)plan_rest(&anew);
	plan_wake(&anew, now);
	assert_int_equal(anew.left, pl.left);
	assert_int_equal(anew.total, pl.total);
	assert_int_equal(anew.prefix, pl.prefix);
	assert_int_equal(anew.failures, pl.failures);
	assert_int_equal(anew.approvals, pl.approvals);
	assert_int_equal(anew.failed_fast, pl.failed_fast);
	assert_int_equal(plan_finished(&anew), plan_finished(&pl));
	for (i = 0; i < n; i++) {
		unit = plan_next(&anew, now, &slot);
		assert_int_equal(unit, out[i].unit);
		assert_int_equal(slot, out[i].slot);
		plan_started(&anew, unit, slot, now);
	}
	assert_int_equal(plan_next(&anew, now, &slot), -1);
	if (n == 0) {
		assert_int_equal(plan_next(&pl, now, &slot), -1);
		assert_int_equal(plan_ready(&anew), plan_ready(&pl));
		assert_int_equal(plan_waits(&anew, now, &again),
			plan_waits(&pl, now, &at));
		assert_int_equal(again, at);
	}
	plan_release(&anew);
}

static void wake(void)
{
	int i;

	plan_wake(&pl, now);
	map();
	for (i = 0; i < m.n; i++)
		if (may(i) && task(i)->state == TASK_WAITING &&
		    task(i)->until_at <= now)
			m.due[i] = true;
}

static void anew(void)
{
	memset(m.due, 0, sizeof(m.due));
	plan_rebuild(&pl);
	wake();
}

/* A person says something of a unit that does not run, or rewinds it. */
static void acts(int unit)
{
	static const enum task_state to[] = { TASK_PENDING, TASK_DONE,
		TASK_SKIPPED };
	bool mark[UNITS] = { false };
	int i;

	if (task(unit)->state == TASK_RUNNING || m.step[unit] == -1)
		return;
	if (dice(3) == 0) {
		plan_below(&pl, unit, mark);
		for (i = 0; i < m.n; i++)
			if (mark[i] && task(i)->state != TASK_RUNNING)
				moves(&pl, i, TASK_PENDING);
	} else {
		moves(&pl, unit, to[dice(3)]);
	}
	anew();
}

/* Up to three more items; fan-outs that follow have them, too. */
static void list_ends(int step, bool *again)
{
	char names[] = "a b c d e f";
	int n = items_of(step), more = dice(4), i;

	if (n + more > ITEMS)
		more = ITEMS - n;
	names[n + more > 0 ? 2 * (n + more) - 1 : 0] = '\0';
	has_items(step, names + (2 * n < 11 ? 2 * n : 11));
	moves(&pl, own_of(step), TASK_DONE);
	plan_changed(&pl, own_of(step));
	for (i = 0; i < p->nsteps; i++)
		if (task(own_of(i))->state == TASK_DONE &&
		    plan_misaligned(&pl, i)) {
			follows(i);
			*again = true;
		}
}

static void attempt_ends(int unit)
{
	static const char *const how[] = { "done", "done", "done", "done",
		"skipped", "review", "pending", "waits", "parks", "approval",
		"gates" };
	int step = m.step[unit];
	char word[40];
	bool again = false;

	m.due[unit] = false;
	if (m.item[unit] == -1 && p->step[step].root != -1) {
		if (dice(8) == 0)
			ends(unit, dice(2) == 0 ? "review" : "pending");
		else if (p->step[step].root == step)
			list_ends(step, &again);
		else {
			follows(step);
			ends(unit, "done");
		}
		if (again)
			anew();
		return;
	}
	snprintf(word, sizeof(word), "%s",
		how[dice(sizeof(how) / sizeof(how[0]))]);
	if (word[0] == 'w' || strcmp(word, "parks") == 0)
		snprintf(word + 5, sizeof(word) - 5, " %lld",
			(long long)((now - EPOCH) / 1000 + dice(30)));
	/* so it is in the state: only what has slots keeps them */
	ends(unit, word);
}

/* What a pipeline is made of. */
struct made {
	struct buf text;
	int from;		/* whose items it has; -1 none */
	bool fan, always, all;	/* all: no `needs` */
};

static void make_step(struct made *s, int i, int npools)
{
	struct made *to = &s[i];
	int k;

	to->from = -1;
	to->all = dice(4) == 0;
	to->fan = dice(5) < 3;
	to->always = dice(8) == 0;
	for (k = 0; k < i && to->fan; k++)
		if (s[k].fan && (to->always || !s[k].always) &&
		    dice(2) == 0)
			to->from = k;
	/* without a word it does not wait for one that is clean-up */
	if (to->from != -1 && s[to->from].always)
		to->all = false;
	buf_printf(&to->text, "[step s%d]\nrun = x\n", i);
	if (to->fan && to->from == -1)
		buf_printf(&to->text, "foreach = s%d\n", i);
	else if (to->fan)
		buf_printf(&to->text, "foreach = step:s%d\n", to->from);
	if (to->fan && dice(3) == 0)
		buf_printf(&to->text, "parallel = %d\n", 1 + dice(3));
	if (npools > 0 && dice(3) != 0)
		buf_printf(&to->text, "pool = p%d\n", dice(npools));
	if (dice(6) == 0)
		buf_str(&to->text, "allow_failure = yes\n");
	if (to->always)
		buf_printf(&to->text, "always = %s\n", dice(2) == 0 ? "done" :
			"review");
	buf_str(&to->text, to->all ? "" : "needs =");
	for (k = 0; k < i && !to->all; k++)
		if (k == to->from || (dice(3) == 0 && (to->always ||
		    !s[k].always)))
			buf_printf(&to->text, " s%d", k);
	buf_char(&to->text, '\n');
}

/* One that may as well be the last one of the file; -1: none. */
static int movable(const struct made *s, int n)
{
	int one = dice(n), i;

	for (i = 0; i < n; i++)
		if (s[one].all || (s[i].all && s[i].from == one))
			return -1;
	return one;
}

static struct pipeline *any_pipeline(void)
{
	struct made s[STEPS] = { 0 };
	struct buf ini = { 0 };
	struct pipeline *any;
	int n = 2 + dice(STEPS - 1), npools = dice(POOLS + 1), i, last;

	if (dice(4) == 0)
		buf_printf(&ini, "[pipeline]\nfail_fast = %s\n",
			dice(2) == 0 ? "2" : "25%");
	for (i = 0; i < npools; i++) {
		buf_printf(&ini, "[pool p%d]\nslots = %d\n", i, 1 +
			dice(SLOTS));
		if (dice(2) == 0)
			buf_printf(&ini, "min_interval = %ds\n", 1 + dice(9));
	}
	for (i = 0; i < n; i++)
		make_step(s, i, npools);
	last = movable(s, n);
	for (i = 0; i < n; i++)
		if (i != last)
			buf_str(&ini, s[i].text.data);
	if (last != -1)
		buf_str(&ini, s[last].text.data);
	any = loads(ini.data);
	buf_release(&ini);
	for (i = 0; i < n; i++)
		buf_release(&s[i].text);
	return any;
}

/* An item of a step that has none yet. */
static void want_one(int step)
{
	char name[8];

	snprintf(name, sizeof(name), "s%s[%c]", p->step[step].name + 1,
		'a' + dice(3));
	plan_want(&pl, step, name);
	m.of_unit[own_of(p->step[step].root)] = true;
	snprintf(m.wanted[m.nwanted++ % WANTED], sizeof(name), "%s", name);
}

/* --only a few, or --until one. */
static void choose_some(void)
{
	int step = dice(p->nsteps), i, k, n = dice(3);
	bool again = true, until[STEPS] = { false };

	m.choosing = true;
	if (n == 0) {
		plan_choose_until(&pl, step);
		until[step] = true;
	}
	while (n == 0 && again) {
		again = false;
		for (i = 0; i < p->nsteps; i++)
			for (k = 0; k < p->nsteps && until[i]; k++) {
				const struct step *s = &p->step[i];
				bool named = s->needs_all && k < i &&
					is_ordinary(k);
				int j;

				for (j = 0; j < s->nneeds; j++)
					named |= s->needs[j] == k;
				again |= named && !until[k];
				until[k] |= named;
			}
	}
	for (i = 0; i < p->nsteps; i++)
		m.of_step[i] |= until[i];
	if (n == 1 && p->step[step].root != -1 && fan_of(step) == NULL) {
		want_one(step);
		n = 0;
	}
	for (; n > 0; n--) {
		int unit = dice(m.n);

		if (m.step[unit] == -1)
			continue;
		plan_choose(&pl, unit);
		if (m.item[unit] == -1)
			m.of_step[m.step[unit]] = true;
		else
			m.of_unit[unit] = true;
	}
	anew();
}

/* Any of those; -1: there is none. */
static int one_that_runs(void)
{
	int i, n = 0, one = -1;

	for (i = 0; i < m.n; i++)
		if (m.step[i] != -1 && task(i)->state == TASK_RUNNING &&
		    dice(++n) == 0)
			one = i;
	return one;
}

/* What starts now does. */
static int begin_all(void)
{
	struct chosen out[UNITS];
	int i, unit, slot, n = expected(out);

	same_anew(out, n);
	for (i = 0; i < n; i++) {
		unit = plan_next(&pl, now, &slot);
		assert_int_equal(unit, out[i].unit);
		assert_int_equal(slot, out[i].slot);
		begin(&pl, unit, slot);
		m.due[unit] = false;
		if (slot >= 0)
			m.last[conf_of(unit)->pool] = now;
	}
	assert_int_equal(plan_next(&pl, now, &slot), -1);
	return n;
}

static void one_pipeline(int *started, int *waited)
{
	int turn, unit;
	int64_t at, should;

	memset(&m, 0, sizeof(m));
	p = any_pipeline();
	state_init(&st);
	now = EPOCH;
	plan_init(&pl, p, &st);
	plan_wake(&pl, now);
	for (turn = 0; turn < 100; turn++) {
		bool any;

		wake();
		if (turn == 50 && dice(6) == 0) {
			pl.closing = true;
			anew();
		}
		*started += begin_all();
		any = plan_waits(&pl, now, &at);
		assert_int_equal(any, expects_wait(&should));
		assert_int_equal(at, should);
		*waited += any;
		assert_true(!any || at > now);
		assert_int_equal(plan_finished(&pl), all_settled(true));
		if (turn % 8 == 0)
			same_below();
		if (!any && one_that_runs() == -1 && pl.failures > 0) {
			(void)plan_rest(&pl);
			wake();
			*started += begin_all();
		}
		unit = one_that_runs();
		if (unit != -1 && dice(8) != 0)
			attempt_ends(unit);
		else if (dice(4) == 0)
			acts(dice(m.n));
		else if (dice(50) == 0)
			choose_some();
		else if (any && dice(2) == 0)
			now = at;
		else
			now += dice(4000);
	}
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
}

/* Random pipelines, random ends, a clock that goes forward. */
static void random_pipelines(void **state)
{
	int round, started = 0, waited = 0;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		seed = (uint32_t)round * 2654435761u;
		one_pipeline(&started, &waited);
	}
	/* and much has happened */
	assert_true(started > ROUNDS * 10 && waited > ROUNDS * 3);
	print_message("%d started, %d waits\n", started, waited);
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
		struct task *t = plan_unit(&pl, step);

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
	for (n = i = 0; i < MANY; i++)
		n += pl.stage[i].chosen;
	assert_int_equal(n, MANY);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_true(b.tv_sec - a.tv_sec < 3);
	plan_release(&pl);
	state_release(&st);
	pipeline_free(p);
	buf_release(&ini);
	free(mark);
}

/* What is listed ends at once; so many run at a time. The units that ran. */
static int run_all(int jobs, int nitems)
{
	int *running = calloc((size_t)jobs, sizeof(*running));
	struct buf list = { 0 };
	int unit, slot, n = 0, k, ran = 0;

	assert_non_null(running);
	for (k = 0; k < nitems; k++)
		buf_printf(&list, "%sfile%d.txt", k > 0 ? "\n" : "", k);
	plan_wake(&pl, now);
	do {
		while (n < jobs && (unit = plan_next(&pl, now, &slot)) != -1) {
			int step = plan_step(&pl, unit);

			begin(&pl, unit, slot);
			if (pl.unit[unit].item != -1 ||
			    p->step[step].root == -1) {
				running[n++] = unit;
				continue;
			}
			if (p->step[step].root == step)
				put_items(step, NULL, list.data, nitems);
			else
				follows(step);
			moves(&pl, unit, TASK_DONE);
			plan_changed(&pl, unit);
		}
		if (n == 0)
			break;
		unit = running[ran % n];
		running[ran++ % n] = running[n - 1];
		n--;
		moves(&pl, unit, TASK_DONE);
		plan_changed(&pl, unit);
	} while (true);
	assert_true(plan_finished(&pl));
	buf_release(&list);
	free(running);
	return ran;
}

/* n steps, the first one a fan-out, and more of these behind it. Rebuilt when
 * all but the last are done, and looked at. */
static double run_items(int n, const char *first, const char *more, int jobs,
	int nitems)
{
	struct buf ini = { 0 };
	bool *mark;
	int i;
	double began;

	buf_str(&ini, "[step s0]\nrun = x\nforeach = s0\n");
	buf_str(&ini, first);
	for (i = 1; i < n; i++) {
		buf_printf(&ini, "[step s%d]\nrun = x\n", i);
		buf_printf(&ini, more, i - 1, i - 1);
	}
	p = loads(ini.data);
	state_init(&st);
	now = EPOCH;
	began = cpu();
	plan_init(&pl, p, &st);
	assert_int_equal(run_all(jobs, nitems), nitems * n);
	plan_rebuild(&pl);
	assert_true(plan_finished(&pl));
	mark = calloc(pl.nunits, sizeof(*mark));
	assert_non_null(mark);
	plan_below(&pl, unit_of("s0[file0.txt]"), mark);
	plan_unit(&pl, unit_of("s0[file0.txt]"))->state = TASK_NEEDS_REVIEW;
	plan_rebuild(&pl);
	plan_blocked(&pl, mark);
	for (i = 0; i < n; i++)
		assert_int_equal(plan_misaligned(&pl, i), false);
	free(mark);
	plan_release(&pl);
	state_release(&st);
	began = cpu() - began;
	pipeline_free(p);
	buf_release(&ini);
	return began;
}

/* The same with twice as much: figures for people. */
static void linear_items(void **state)
{
	static const struct {
		const char *what, *first, *more;
		int n, jobs, nitems;
	} c[] = {
		{ "one fan-out", "", "", 1, 4, 60000 },
		{ "one fan-out, parallel", "parallel = 4\n", "", 1, 8, 60000 },
		{ "one fan-out, a pool", "parallel = 3\npool = p\n"
			"[pool p]\nslots = 2\n", "", 1, 8, 60000 },
		{ "tied by default", "", "foreach = step:s%d\n", 250, 4,
			100 },
		{ "tied by name", "", "foreach = step:s%d\nneeds = s%d\n",
			250, 4, 100 },
		{ "tied, parallel", "parallel = 1\n",
			"foreach = step:s%d\nparallel = 1\n", 250, 400,
			100 },
		{ "two tied, many items", "", "foreach = step:s%d\n", 2, 4,
			15000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		double once = run_items(c[i].n, c[i].first, c[i].more,
			c[i].jobs, c[i].nitems);
		double twice = c[i].n > 2 ? run_items(c[i].n * 2, c[i].first,
			c[i].more, c[i].jobs, c[i].nitems) : run_items(c[i].n,
			c[i].first, c[i].more, c[i].jobs, c[i].nitems * 2);

		print_message("%-24s %3.0f ms, twice as much %3.0f ms\n",
			c[i].what, once * 1e3, twice * 1e3);
	}
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
		cmocka_unit_test(linear_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
