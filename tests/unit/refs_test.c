/* SPDX-License-Identifier: ISC */
/* What ${NAME} may stand for, and where. */
#include "refs.h"

#include "loading.h"
#include "mem.h"

static void defined(void **state)
{
	(void)state;
	/* parameters, our environment, env.NAME of all three kinds */
	pipeline_free(loads("[params]\np = 1\n"
		"[pipeline]\nenv.ONE = ${p} ${HOME} ${TWO}\nenv.TWO = 2\n"
		"workdir = ${ONE}\nenv_file =\nshell = ${HOME}/sh -c\n"
		"[defaults]\nenv.D = ${ONE}\nstdout = ${D} ${OWN}\n"
		"[step a]\nrun = x\nenv.OWN = ${D} ${ONE}\n"
		"outputs = ${OWN} ${p} ${D}\n"));
	pipeline_free(loads("[step a]\nrun = x\n[step b-c.d]\nrun = x\n"
		"[step e]\nrun = x\n"
		"env.X = ${DUREXEC_RUN} ${DUREXEC_STARTED} ${DUREXEC_STEP} "
		"${DUREXEC_ATTEMPT} ${DUREXEC_KEY} ${DUREXEC_SESSION} "
		"${DUREXEC_DIR} ${DUREXEC_OUTPUT} "
		"${DUREXEC_PREVIOUS} ${DUREXEC_PREVIOUS_LOG} ${DUREXEC_WAIT} "
		"${DUREXEC_OUT_a} ${DUREXEC_OUT_b_c_d} ${DUREXEC_RESULT_a} "
		"${DUREXEC_a_URL} ${DUREXEC_b_c_d_LONG_NAME} "
		"${DUREXEC_STATE_DIR}\n"));
	/* scripts are the shell's */
	pipeline_free(loads("[step a]\nrun = ${X} ${Y:-z} ${\n"
		"if = ${X}\ncheck = ${X}\n"));
	/* of what stands in a file nobody knows before it is read */
	pipeline_free(loads("[step a]\nrun = x\nenv_file = f\nstdout = ${X}\n"
		"[step b]\nrun = x\nenv_file = f\nenv.A = ${X}\n"));
	pipeline_free(loads("[pipeline]\nenv_file = f\n[step a]\nrun = x\n"
		"stdout = ${X}\n"));
	/* what needs no replacing */
	pipeline_free(loads("[step a]\nrun = x\nenv.A = $X $${X} $$ 5$\n"));
}

static void undefined(void **state)
{
	(void)state;
	complains("[params]\nvideo = x\n[pipeline]\nenv.A = ${q}\n"
		"workdir = ${vide}\nshell = ${DUREXEC_SHELL} -c\n"
		"[step a]\nrun = x\noutputs = ok ${vidoe} ${HOEM}\n"
		"stdin = ${C}\nstdout = ${D}\nenv_file =\nworkdir = ${E}\n"
		"requires = file:${F}\nunset_env = ${G}\nenv.H = ${I}\n"
		"inputs = a ${N}\nforeach = b ${M}\n"
		"[step b]\nrun = x\nenv.C = 1\nenv_file = ${ZZ}\n"
		"[defaults]\nenv.J = ${K}\nenv.L = ${H}\n",
		"4: A: ${q} is not defined | declare it in [params], or set "
		"it in the environment\n"
		"5: workdir: ${vide} is not defined | did you mean "
		"${video}?\n"
		"6: shell: ${DUREXEC_SHELL} is known to steps only, and this "
		"is read before the first one starts\n"
		"9: outputs: ${vidoe} is not defined | did you mean "
		"${video}?\n"
		"9: outputs: ${HOEM} is not defined | did you mean ${HOME}?\n"
		"10: stdin: ${C} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"11: stdout: ${D} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"13: workdir: ${E} is not defined | declare it in [params], "
		"or set it in the environment\n"
		"14: requires: ${F} is not defined | declare it in [params], "
		"or set it in the environment\n"
		"15: unset_env: ${G} is not defined | declare it in [params], "
		"or set it in the environment\n"
		"16: H: ${I} is not defined | declare it in [params], or set "
		"it in the environment\n"
		"17: inputs: ${N} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"18: foreach: ${M} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"24: J: ${K} is not defined | declare it in [params], or set "
		"it in the environment\n");
}

static void of_defaults(void **state)
{
	(void)state;
	/* told once, for however many steps */
	complains("[defaults]\nrun = x\nstdout = ${X}\n"
		"[step a]\n[step b]\n[step c]\numask = 0\n[step d]\n"
		"umask = 0\n",
		"3: stdout: ${X} is not defined | declare it in [params], or "
		"set it in the environment\n");
	/* one step does not define it */
	complains("[defaults]\nrun = x\nstdout = ${X}\n[step a]\nenv.X = 1\n"
		"[step b]\nenv.Y = 1\n",
		"3: stdout: ${X} is not defined | declare it in [params], or "
		"set it in the environment\n");
	pipeline_free(loads("[defaults]\nrun = x\nstdout = ${X}\n[step a]\n"
		"env.X = 1\n[step b]\nenv.X = 1\n"));
}

static void durexecs_own(void **state)
{
	(void)state;
	complains("[step fetch]\nrun = x\n[step b]\nrun = x\n"
		"stdout = ${DUREXEC_OUT_fecth}\n"
		"env.A = ${DUREXEC_RESULT_none}\n"
		"env.B = ${DUREXEC_ATEMPT}\n"
		"env.C = ${DUREXEC_fetch} ${DUREXEC_fetch_}\n"
		"env.D = ${DUREXEC_SLOT_gpu}\n"
		"env.E = ${ITEM} ${ITEM_BASE} ${DUREXEC_ITEM}\n"
		"env_file = f\n",
		"5: stdout: ${DUREXEC_OUT_fecth} names no step of this file | "
		"did you mean ${DUREXEC_OUT_fetch}?\n"
		"6: A: ${DUREXEC_RESULT_none} names no step of this file\n"
		"7: B: ${DUREXEC_ATEMPT} is none of the variables that "
		"durexec sets | did you mean ${DUREXEC_ATTEMPT}?\n"
		"8: C: ${DUREXEC_fetch} is none of the variables that durexec "
		"sets\n"
		"8: C: ${DUREXEC_fetch_} is none of the variables that "
		"durexec sets\n"
		"9: D: ${DUREXEC_SLOT_gpu} names no pool of this file\n"
		"10: E: ${DUREXEC_ITEM} is known to items of a fan-out only | "
		"put this into steps that have foreach or foreach_from\n");
	/* not for steps: nobody knows them while loading */
	complains("[pipeline]\nname = ${DUREXEC_RUN}\nstate_dir = ${ITEM}\n"
		"[params]\na = ${DUREXEC_STEP}\n[step a]\nrun = x\n",
		"2: name: ${DUREXEC_RUN} is known to steps only, and this is "
		"read before the first one starts\n"
		"3: state_dir: ${ITEM} is known to items of a fan-out only, "
		"and this is read before the first step starts\n"
		"5: a: ${DUREXEC_STEP} is known to steps only, and this is "
		"read before the first one starts\n");
	/* set by us or not: where it is in the environment it is defined */
	setenv("ITEM", "1", 1);
	setenv("DUREXEC_MINE", "1", 1);
	pipeline_free(loads("[step a]\nrun = x\n"
		"stdout = ${ITEM} ${DUREXEC_MINE}\n"));
	unsetenv("ITEM");
	unsetenv("DUREXEC_MINE");
}

#define ONLY "is known to items of a fan-out only | put this into steps " \
	"that have foreach or foreach_from\n"
#define EARLY "is known to items only, and this is read before there are any\n"

static void items(void **state)
{
	(void)state;
	/* in all that an item is started with */
	pipeline_free(loads("[step a]\nrun = x\nforeach = a b\n"
		"env.E = ${ITEM} ${ITEM_INDEX} ${ITEM_NAME} ${ITEM_BASE} "
		"${ITEM_DIR} ${DUREXEC_ITEM}\n"
		"inputs = ${ITEM}\noutputs = ${ITEM_BASE}.o\n"
		"stdin = ${ITEM}\nstdout = ${ITEM}.out\n"
		"unset_env = ${ITEM}\nenv_file = ${ITEM}.env\n"
		"workdir = ${ITEM_DIR}\n"
		"[step b]\nrun = x\nforeach_from = ls\nstdout = ${ITEM}\n"
		"[step c]\nrun = x\nforeach = step:a\nstdout = ${ITEM}\n"));
	/* not in a step without any */
	complains("[step a]\nrun = x\nstdout = ${ITEM}.x ${DUREXEC_ITEM}\n"
		"env.A = ${ITEM_INDEX}\nenv.B = ${ITEMS}\n"
		"[step b]\nrun = x\nforeach =\noutputs = ${ITEM_DIR}\n",
		"3: stdout: ${ITEM} " ONLY
		"3: stdout: ${DUREXEC_ITEM} " ONLY
		"4: A: ${ITEM_INDEX} " ONLY
		"5: B: ${ITEMS} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"8: foreach has no value | write \"foreach = WORD…\", or "
		"take the key out\n"
		"9: outputs: ${ITEM_DIR} " ONLY);
	complains("[pipeline]\nenv.A = ${ITEM}\n[step a]\nrun = x\n"
		"foreach = a\n", "2: A: ${ITEM} " ONLY);
	/* nor in what is read before there are items, whatever ITEM means to
	 * those that started us, or to an env_file */
	setenv("ITEM", "1", 1);
	complains("[step a]\nrun = x\nforeach = ${ITEM} x${DUREXEC_ITEM}\n"
		"env_file = f\nrequires = file:${ITEM_NAME}\n"
		"nice = ${ITEM_INDEX}\n",
		"3: foreach: ${ITEM} " EARLY
		"3: foreach: ${DUREXEC_ITEM} " EARLY
		"5: requires: ${ITEM_NAME} " EARLY
		"6: nice: ${ITEM_INDEX} is known to items of a fan-out only, "
		"and this is read before the first step starts\n");
	unsetenv("ITEM");
	/* of [defaults], for those steps that are fan-outs */
	complains("[defaults]\nrun = x\nstdout = ${ITEM}\n"
		"[step a]\nforeach = a\n[step b]\n[step c]\nforeach = b\n",
		"3: stdout: ${ITEM} " ONLY);
	pipeline_free(loads("[defaults]\nrun = x\nstdout = ${ITEM}\n"
		"foreach = a b\n[step a]\n[step b]\nforeach = c\n"));
	/* what was meant */
	complains("[step a]\nrun = x\nforeach = a ${HOEM}\n"
		"stdout = ${ITEM_BSAE} ${DUREXEC_ITM}\n",
		"3: foreach: ${HOEM} is not defined | did you mean ${HOME}?\n"
		"4: stdout: ${ITEM_BSAE} is not defined | did you mean "
		"${ITEM_BASE}?\n"
		"4: stdout: ${DUREXEC_ITM} is none of the variables that "
		"durexec sets | did you mean ${DUREXEC_ITEM}?\n");
	/* nobody else's */
	complains("[params]\nITEM = 1\nITEMS = 2\n[pipeline]\n"
		"env.ITEM_INDEX = 1\n[defaults]\nenv.ITEM_DIR = x\n"
		"[step a]\nrun = x\nenv.ITEM_NAME = x\n",
		"2: \"ITEM\" is what items of fan-outs have: no other variable "
		"can be called so | give it another name\n"
		"5: \"ITEM_INDEX\" is what items of fan-outs have: no other "
		"variable can be called so | give it another name\n"
		"7: \"ITEM_DIR\" is what items of fan-outs have: no other "
		"variable can be called so | give it another name\n"
		"10: \"ITEM_NAME\" is what items of fan-outs have: no other "
		"variable can be called so | give it another name\n");
}

/* What a fan-out, or what it has its items of, needs. */
static void of_fanouts(void **state)
{
	(void)state;
	pipeline_free(loads("[defaults]\nrun = x\n[step list]\n"
		"[step gen]\nneeds = list\nforeach = ${DUREXEC_RESULT_list} "
		"${DUREXEC_OUT_list}\n"
		"[step join]\nneeds = gen\nstdout = ${DUREXEC_OUT_gen}\n"
		"[step tied]\nneeds =\nforeach = step:gen\n"
		"stdout = ${DUREXEC_OUT_gen}\n"));
	complains("[defaults]\nrun = x\n[step list]\n"
		"[step gen]\nneeds =\nforeach = ${DUREXEC_RESULT_list}\n",
		"6: foreach: ${DUREXEC_RESULT_list} belongs to a step that "
		"this one does not need | add \"list\" to the needs of "
		"\"gen\"\n");
}

#define HERE "is among the secrets, so its value cannot stand here | put it " \
	"into an env_file, or into the environment\n"

static void secrets(void **state)
{
	(void)state;
	setenv("KEY", "hunter2", 1);
	pipeline_free(loads("[params]\nuser = me\n[pipeline]\n"
		"env.URL = https://${KEY}@host\nenv_file = .env\n"
		"[defaults]\nrun = x\nsecrets = KEY TOKEN_${user}\n"
		"[step a]\nenv.K = ${KEY}\n[step b]\nsecrets =\n"
		"env.KEY = 1\n"));
	complains("[params]\nKEY = ${KEY}\n[step a]\nrun = x\n"
		"secrets = KEY\n", "2: KEY: \"KEY\" " HERE);
	complains_given("[params]\nPASS = x\nurl = https://${KEY}@host\n"
		"both = ${PASS}\n"
		"[pipeline]\nenv.TOKEN = hunter2\n"
		"[defaults]\nrun = x\nsecrets = KEY, PASS TOKEN\n"
		"env.KEY = hunter2\n[step a]\n[step b]\numask = 0\n"
		"[preset p]\nenv.TOKEN = hunter2\n[step c]\npreset = p\n",
		(const char *const[]){ "PASS=hunter2", NULL },
		"2: PASS: \"PASS\" " HERE
		"3: url: \"KEY\" is among the secrets, and no parameter is "
		"one | steps find it as $KEY\n"
		"4: both: \"PASS\" is among the secrets, and no parameter is "
		"one | steps find it as $PASS\n"
		"6: env.TOKEN: \"TOKEN\" " HERE
		"10: env.KEY: \"KEY\" " HERE
		"15: env.TOKEN: \"TOKEN\" " HERE);
	/* only where it is one */
	complains("[step a]\nrun = x\nsecrets = KEY\nenv.KEY = hunter2\n"
		"[step b]\nrun = x\nenv.KEY = hunter2\n",
		"4: env.KEY: \"KEY\" " HERE);
	/* what is no name may be the value itself */
	complains("[step a]\nrun = x\nsecrets = A KEY=hunter2 ${X}\n",
		"3: secrets: ${X} is not defined | declare it in [params], or "
		"set it in the environment\n"
		"3: secrets: expected names of variables, and word 2 is "
		"none\n");
	unsetenv("KEY");
}

/* A step sees what those that it needs left, and no others. */
static void needed(void **state)
{
	(void)state;
	pipeline_free(loads("[defaults]\nrun = x\n[step a]\n[step b]\n"
		"stdout = ${DUREXEC_OUT_a}.b\n[step c]\nneeds = b\n"
		"env.X = ${DUREXEC_b_X_Y} ${DUREXEC_RESULT_b}\n"));
	complains("[defaults]\nrun = x\n"
		"[step a]\nstdout = ${DUREXEC_OUT_a} ${DUREXEC_OUT_b}\n"
		"[step b]\n"
		"[step c]\nneeds = b\nstdout = ${DUREXEC_OUT_a}\n"
		"env.X = ${DUREXEC_a_URL}\n",
		"4: stdout: ${DUREXEC_OUT_a} is known only when the step is "
		"done\n"
		"4: stdout: ${DUREXEC_OUT_b} belongs to a step that this one "
		"does not need | put [step b] above it\n"
		"8: stdout: ${DUREXEC_OUT_a} belongs to a step that this one "
		"does not need | add \"a\" to the needs of \"c\"\n"
		"9: X: ${DUREXEC_a_URL} belongs to a step that this one does "
		"not need | add \"a\" to the needs of \"c\"\n");
	complains("[defaults]\nrun = x\n[step a]\n[step b]\n"
		"[step c]\nneeds = a\nstdout = ${DUREXEC_OUT_a}\n"
		"[step d]\nneeds = b\nstdout = ${DUREXEC_OUT_a}\n",
		"10: stdout: ${DUREXEC_OUT_a} belongs to a step that this one "
		"does not need | add \"a\" to the needs of \"d\"\n");
	/* in [defaults] for each step, in [pipeline] for all of them */
	complains("[defaults]\nrun = x\nstdout = ${DUREXEC_OUT_b}\n"
		"[pipeline]\nenv.A = ${DUREXEC_OUT_a}\n"
		"[step a]\nstdout =\n[step b]\nstdout =\n[step c]\n[step d]\n"
		"[step e]\nneeds =\n",
		"3: stdout: ${DUREXEC_OUT_b} belongs to a step that this one "
		"does not need | add \"b\" to the needs of \"e\"\n"
		"5: A: ${DUREXEC_OUT_a} is not known to all steps | put this "
		"into steps that need \"a\"\n");
	/* without a step there is none to name (and nothing to leak) */
	complains("[pipeline]\nenv.A = ${DUREXEC_OUT_a} ${DUREXEC_OUT_b}\n",
		"0: there is no step in it | write [step NAME], and below it "
		"run = COMMAND\n"
		"2: A: ${DUREXEC_OUT_a} names no step of this file\n"
		"2: A: ${DUREXEC_OUT_b} names no step of this file\n");
	/* two that look the same: either may be meant */
	pipeline_free(loads("[defaults]\nrun = x\n[step a-b]\n[step a_b]\n"
		"[step c]\nneeds = a_b\nstdout = ${DUREXEC_OUT_a_b}\n"));
}

static void broken(void **state)
{
	(void)state;
	complains("[step a]\nrun = x\nstdout = a${b\nworkdir = ${x-y}\n"
		"timeout = ${}\nenv.A = ${HOME} ${A B} ${C\n",
		"3: stdout: \"${b\" has no closing \"}\"\n"
		"4: workdir: \"${x-y}\" is no variable: only ${NAME} is "
		"replaced, and $${ stands for ${\n"
		"5: timeout: \"${}\" is no variable: only ${NAME} is "
		"replaced, and $${ stands for ${\n"
		"6: A: \"${A B}\" is no variable: only ${NAME} is replaced, "
		"and $${ stands for ${\n");
}

/* Each default is twice the one above: 40 of them would fill the memory. */
static void growing(void **state)
{
	struct buf text = { 0 }, said = { 0 };

	(void)state;
	buf_str(&text, "[params]\np0 = 0123456789\n");
	for (int i = 1; i <= 40; i++)
		buf_printf(&text, "p%d = ${p%d}${p%d}\n", i, i - 1, i - 1);
	buf_str(&text, "[step a]\nrun = x\n");
	assert_null(loading(text.data, text.len, NO_ARGUMENTS, &said));
	/* 10 * 2^13 is the last one below 128 KiB */
	assert_int_equal(strncmp(said.data, "16: p14: ${p13} makes it longer "
		"than 128 KiB\n", 45), 0);
	buf_release(&text);
	buf_release(&said);
}

static void slots(void **state)
{
	(void)state;
	pipeline_free(loads("[pool gpu]\n[pool a-b.c]\n[pool a_b_c]\n"
		"[step a]\nrun = x\npool = gpu\n"
		"env.CUDA_VISIBLE_DEVICES = ${DUREXEC_SLOT_gpu}\n"
		"[step b]\nrun = x\npool = a-b.c\n"
		"stdout = ${DUREXEC_SLOT_a_b_c}\n"
		"[step c]\nrun = x\npool = a_b_c\n"
		"stdout = ${DUREXEC_SLOT_a_b_c}\n"));
	/* for all steps of [defaults], which share one */
	pipeline_free(loads("[pool gpu]\n[defaults]\nrun = x\npool = gpu\n"
		"env.D = ${DUREXEC_SLOT_gpu}\n[step a]\n[step b]\n"));
	complains("[pool gpu]\n[pool net]\n[pipeline]\n"
		"env.P = ${DUREXEC_SLOT_gpu}\n"
		"[step a]\nrun = x\nenv.A = ${DUREXEC_SLOT_gpu}\n"
		"[step b]\nrun = x\npool = net\nenv.B = ${DUREXEC_SLOT_gpu}\n"
		"env.C = ${DUREXEC_SLOT_gup}\n"
		"[step c]\nrun = x\nenv.D = ${DUREXEC_SLOT_gup}\n",
		"4: P: ${DUREXEC_SLOT_gpu} is not known to all steps | put "
		"this into steps that say \"pool = gpu\"\n"
		"7: A: ${DUREXEC_SLOT_gpu} belongs to a pool that this step "
		"does not use | put this into steps that say \"pool = gpu\"\n"
		"11: B: ${DUREXEC_SLOT_gpu} belongs to a pool that this step "
		"does not use | did you mean ${DUREXEC_SLOT_net}?\n"
		"12: C: ${DUREXEC_SLOT_gup} names no pool of this file | did "
		"you mean ${DUREXEC_SLOT_net}?\n"
		"15: D: ${DUREXEC_SLOT_gup} names no pool of this file\n");
}

static int setup(void **state)
{
	(void)state;
	clearenv();
	setenv("HOME", "/home/me", 1);
	setenv("DUREXEC_STATE_DIR", "/s", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defined),
		cmocka_unit_test(undefined),
		cmocka_unit_test(of_defaults),
		cmocka_unit_test(durexecs_own),
		cmocka_unit_test(items),
		cmocka_unit_test(of_fanouts),
		cmocka_unit_test(secrets),
		cmocka_unit_test(slots),
		cmocka_unit_test(needed),
		cmocka_unit_test(broken),
		cmocka_unit_test(growing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
