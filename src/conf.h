/* SPDX-License-Identifier: ISC */
/*
 * conf: how steps run: [defaults], presets and the keys of each [step NAME]
 * become struct stepconf. Strength: [defaults] < presets, the later of several
 * the stronger < step. Steps that say nothing but `run`, `needs` and `preset`
 * share the conf of their presets.
 */
#ifndef CONF_H
#define CONF_H

#include "draft.h"

/*
 * After pools.h's: run and conf of every step, and complaints about their
 * values and about steps without `run`.
 */
void conf_steps(struct draft *d);

#endif
