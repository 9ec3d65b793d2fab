/* SPDX-License-Identifier: ISC */
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "engine.h"
#include "mem.h"
#include "os.h"
#include "summary.h"

/* Far away: see start_watchers(). */
#define FAR_S 1e9

static void send_messages(struct run *r)
{
	size_t i;

	for (i = 0; i < r->nslots; i++) {
		struct slot *slot = r->slot[i];

		if (slot->message.len == 0)
			continue;
		/* A keeper that is gone shows as end of its socket. */
		(void)watch_send(&slot->w, &slot->message,
			slot->pool_fd);
		buf_reset(&slot->message);
	}
}

static void clear_rubbish(struct run *r)
{
	while (r->nrubbish > 0) {
		unlinkat(r->at.d->fd, r->rubbish[--r->nrubbish], 0);
		free(r->rubbish[r->nrubbish]);
	}
}

static void over(struct run *r)
{
	r->over = true;
	ev_break(r->loop, EVBREAK_ALL);
}

static bool flush(struct run *r)
{
	struct why why;

	attempt_dispatch(r);
	if (journal_commit(r->at.j, &why) == -1) {
		msg_error("%s", why.text);
		if (r->busy > 0)
			msg_error("%d running step%s go%s on, and the next "
				"durexec collects how %s ended", r->busy,
				r->busy == 1 ? "" : "s",
				r->busy == 1 ? "es" : "",
				r->busy == 1 ? "it" : "they");
		r->result->state_lost = true;
		over(r);
		return false;
	}
	send_messages(r);
	engine_tell_views(r);
	clear_rubbish(r);
	hooks_begin(r);
	return true;
}

/* The clean-up for a run in review ran when it came to rest; the run went on,
 * and comes to rest again. */
static void again_at_rest(struct run *r)
{
	struct plan *pl = r->at.plan;
	struct record record;
	bool any = false;
	int i;

	r->moved = false;
	for (i = 0; (size_t)i < pl->nunits; i++) {
		struct task *t = plan_unit(pl, i);
		int step = plan_step(pl, i);

		if (step == -1 || r->at.p->step[step].conf->always !=
		    ALWAYS_REVIEW || t->state != TASK_DONE ||
		    !plan_counts(pl, i))
			continue;
		memset(&record, 0, sizeof(record));
		record_start(&record, "set");
		record_set(&record, "step", t->name);
		record_set(&record, "state", state_word(TASK_PENDING));
		record_set(&record, "by", "always");
		engine_put(r, &record);
		any = true;
	}
	if (any)
		plan_rebuild(pl);
}


/* The exit status to be, for on_exit. */
static int status_of(const struct run *r, const struct summary *sum)
{
	if (r->result->state_lost)
		return 4;
	if (r->result->signo != 0)
		return 128 + r->result->signo;
	return summary_status(sum, r->options.no_wait && !r->result->stopped);
}

/* Hooks that tell how the run came to rest; true while one runs. What one of
 * them says (durexec approve) may set the run going again. */
static bool tell_hooks(struct run *r)
{
	struct summary sum;

	summary_make(&sum, r->at.plan, false);
	if (!r->told_rest) {
		r->told_rest = true;
		if (strcmp(sum.state, "done") == 0)
			hooks_call(r, HOOK_DONE, -1, 0);
		else if (sum.review + sum.approvals > 0)
			hooks_call(r, HOOK_REVIEW, -1, 0);
		hooks_begin(r);
	}
	if (!r->told_exit && !hooks_busy(r)) {
		r->told_exit = true;
		hooks_call(r, HOOK_EXIT, -1, status_of(r, &sum));
		hooks_begin(r);
	}
	return hooks_busy(r);
}

/* Something is left that a time, or a slot, is waited for. */
static bool waits(struct run *r)
{
	int64_t at;

	return r->stop == STOPPING_NO && !r->full && !r->options.no_wait &&
		plan_waits(r->at.plan, clock_wall(), &at);
}

/* Nothing runs and nothing may start. */
static void rest(struct run *r)
{
	struct record record = { 0 };
	struct plan *pl = r->at.plan;
	int64_t at;

	if (ev_is_active(&r->again) || waits(r))
		return;
	if (r->stop == STOPPING_NO && !r->full && r->moved &&
	    (pl->failures > 0 || pl->left == 0))
		again_at_rest(r);
	if (r->stop == STOPPING_NO && !r->full && !plan_waits(pl,
	    clock_wall(), &at) && ((!pl->at_rest && pl->failures > 0 &&
	    plan_rest(pl)) || plan_ready(pl))) {
		(void)flush(r);
		if (r->busy > 0 || waits(r))
			return;
	}
	if (plan_finished(pl) && r->at.s->closed == NULL) {
		record_start(&record, "close");
		record_set(&record, "state", "done");
		engine_put(r, &record);
		if (!flush(r))
			return;
	}
	/* who stops it does not wait for whoever reads its output */
	if (!tell_hooks(r) && (pass_more(r) || r->stop != STOPPING_NO))
		over(r);
}

/* Wake up when the next step may start; without one, far away. */
static void set_alarm(struct run *r)
{
	int64_t at = 0;
	double when;

	if (r->stop == STOPPING_NO && !r->full)
		(void)plan_waits(r->at.plan, clock_wall(), &at);
	when = at != 0 ? (double)at / 1000 : 0;
	if (when == r->alarm)
		return;
	r->alarm = when;
	ev_periodic_stop(r->loop, &r->far);
	ev_periodic_set(&r->far, when != 0 ? when : ev_time() + FAR_S, 0.,
		NULL);
	ev_periodic_start(r->loop, &r->far);
}

static void before_sleep(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct run *r = w->data;

	(void)loop;
	(void)revents;
	(void)pass_more(r);
	if (r->over || !flush(r))
		return;
	if (!r->told_under_way) {
		r->told_under_way = true;
		if (r->options.under_way != NULL)
			r->options.under_way(r->options.under_way_ctx);
	}
	if (r->busy == 0)
		rest(r);
	else
		r->told_rest = r->told_exit = false;
	set_alarm(r);
}

int64_t *run_parked(const struct plan *pl)
{
	int64_t *parked = mem_alloc((size_t)pl->nlanes * sizeof(*parked));

	for (int i = 0; i < pl->nlanes; i++)
		parked[i] = pl->lane[i].parked_until;
	return parked;
}

void run_unpark(struct plan *pl, struct machine *m, enum act_verb verb,
	int64_t *parked)
{
	struct why why;

	for (int i = 1; i < pl->nlanes && verb == ACT_RETRY; i++) {
		struct lane *l = &pl->lane[i];

		if (parked[i] == 0 || l->parked_until != 0 ||
		    !l->pool->machine)
			continue;
		l->held_until = 0;
		if (machine_park(m, l->pool, 0, &why) == -1)
			msg_warn("pool %s: %s; other pipelines still wait",
				l->pool->name, why.text);
	}
	free(parked);
}

static int told_act(void *ctx, const struct act *a, struct buf *answer,
	struct why *why)
{
	struct run *r = ctx;
	char *text, *line, *rest;
	int64_t *parked = run_parked(r->at.plan);
	struct act here = *a;
	int changed;

	here.dirfd = r->at.d->fd;
	if (act_on(&here, r->at.plan, r->at.j, answer, &changed, why) == -1) {
		free(parked);
		return -1;
	}
	r->told_rest = false;
	run_unpark(r->at.plan, &r->machine, a->verb, parked);
	text = rest = mem_dup(answer->data != NULL ? answer->data : "");
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			engine_tell(r, VIEW_MESSAGE, -1, -1, line);
	free(text);
	return 0;
}

static void told_stop(void *ctx, enum control_stop_mode mode)
{
	static const enum stop_mode as[] = {
		[CONTROL_DRAIN] = STOPPING_DRAIN,
		[CONTROL_STOP] = STOPPING_GRACE,
		[CONTROL_NOW] = STOPPING_NOW,
	};

	engine_stop(ctx, as[mode]);
}

static bool told_flush(void *ctx)
{
	return flush(ctx);
}

static const struct control_calls control_calls = {
	told_act, told_stop, told_flush,
};

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	/* the prepare watcher does the rest */
	(void)revents;
	ev_timer_stop(loop, w);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct run *r = w->data;

	(void)loop;
	(void)revents;
	msg_error("the pipeline's timeout is over");
	r->result->timed_out = true;
	engine_stop(r, STOPPING_GRACE);
}

/* The time has come, or the clock was set: before_sleep() sees to it. */
static void on_far(struct ev_loop *loop, ev_periodic *w, int revents)
{
	struct run *r = w->data;

	(void)loop;
	(void)revents;
	r->alarm = -1;
}

/* Other pipelines may have given slots back. */
static void on_poll(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct run *r = w->data;

	(void)revents;
	ev_timer_stop(loop, w);
	for (int i = 0; i < r->at.plan->nlanes; i++)
		r->at.plan->lane[i].full = false;
}

static void start_watchers(struct run *r)
{
	signals_start(r);
	ev_prepare_init(&r->prepare, before_sleep);
	r->prepare.data = r;
	ev_prepare_start(r->loop, &r->prepare);
	ev_timer_init(&r->again, on_again, 0., 0.);
	ev_timer_init(&r->poll, on_poll, 0., 0.);
	r->poll.data = r;
	ev_timer_init(&r->limit, on_limit, 0., 0.);
	r->limit.data = r;
	if (r->at.p->timeout_ms > 0) {
		ev_timer_set(&r->limit, (double)r->at.p->timeout_ms / 1000,
			0.);
		ev_timer_start(r->loop, &r->limit);
	}
	/* With a periodic watcher libev notices clock jumps by a timerfd, and
	 * then sleeps for days instead of waking up once a minute. */
	ev_periodic_init(&r->far, on_far, ev_time() + FAR_S, 0., NULL);
	r->far.data = r;
	ev_periodic_start(r->loop, &r->far);
}

static void stop_watchers(struct run *r)
{
	signals_stop(r);
	ev_prepare_stop(r->loop, &r->prepare);
	ev_timer_stop(r->loop, &r->again);
	ev_timer_stop(r->loop, &r->poll);
	ev_timer_stop(r->loop, &r->limit);
	ev_periodic_stop(r->loop, &r->far);
}

static void *allocate(void *p, long size)
{
	if (size != 0)
		return mem_resize(p, (size_t)size);
	free(p);
	return NULL;
}

void run_go(const struct run_parts *parts, const struct run_options *options,
	struct run_result *result)
{
	struct run r = { .at = *parts, .options = *options,
		.result = result };
	struct why why;
	size_t i;

	memset(result, 0, sizeof(*result));
	/* libev's own would abort() */
	ev_set_allocator(allocate);
	r.loop = ev_default_loop(EVFLAG_NOENV);
	if (r.loop == NULL)
		msg_die(4, "cannot start the event loop");
	r.jobs = options->jobs > 0 ? options->jobs : parts->p->jobs > 0 ?
		parts->p->jobs : os_cpus();
	r.at.plan->closing = options->closing;
	if (options->closing)
		plan_rebuild(r.at.plan);
	r.machine.dirfd = -1;
	hooks_init(&r);
	env_init(&r.env, parts->p, parts->plan, parts->d);
	start_watchers(&r);
	/* before: nothing goes on to its next phase */
	if (options->collect)
		engine_stop(&r, options->now ? STOPPING_NOW : STOPPING_GRACE);
	pass_start(&r);
	recover(&r);
	if (!options->collect && !r.over)
		fanout_align(&r);
	engine_tell(&r, VIEW_BEGIN, -1, -1, NULL);
	r.control = control_start(r.loop, &control_calls, &r, parts->d->fd,
		&why);
	if (r.control == NULL)
		msg_warn("%s: verbs will not reach this run", why.text);
	if (!r.over)
		ev_run(r.loop, 0);
	pass_stop(&r);
	engine_tell(&r, VIEW_REST, -1, -1, NULL);
	if (!result->state_lost || r.at.j->npending == 0)
		engine_tell_views(&r);
	for (i = 0; i < r.nslots; i++) {
		slot_close(r.slot[i]);
		buf_release(&r.slot[i]->message);
		buf_release(&r.slot[i]->inputs);
		buf_release(&r.slot[i]->known);
		free(r.slot[i]);
	}
	stop_watchers(&r);
	if (r.control != NULL)
		control_stop(r.control, &result->waiting, &result->nwaiting);
	engine_forget_events(&r);
	hooks_release(&r);
	ev_loop_destroy(r.loop);
	env_release(&r.env);
	evidence_release(&r.proof);
	inputs_known_release(&r.inputs);
	pattern_cache_release(&r.patterns);
	if (r.machine.dirfd != -1)
		machine_close(&r.machine);
	free(r.slot);
	free(r.placed);
	free(r.event);
	free(r.rubbish);
	free(r.put_off);
}
