/* SPDX-License-Identifier: Apache-2.0
 *
 * What every unit test of this folder includes: cmocka wants four standard headers before itself.
 */
#ifndef UNIT_SPARKPLUG_UNIT_H
#define UNIT_SPARKPLUG_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
