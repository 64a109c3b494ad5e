/* SPDX-License-Identifier: Apache-2.0
 *
 * `decode: sparkplug`: the host application as a stage behind the plugin contract, compiled in. Rank 3.
 */
#ifndef SPARKPLUG_SPARKPLUG_STAGE_H
#define SPARKPLUG_SPARKPLUG_STAGE_H

#include "forebay/plugin.h"

extern const struct fby_plugin sparkplug_stage_plugin;

#endif
