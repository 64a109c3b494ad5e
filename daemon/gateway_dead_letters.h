/* SPDX-License-Identifier: Apache-2.0
 *
 * Dead letters on the control socket: list, show, retry, purge. A retry enters again only the route and
 * target that the letter failed in; the letter is retired when the retry has ended and that is durable.
 * Rank 6.
 */
#ifndef GATEWAY_DEAD_LETTERS_H
#define GATEWAY_DEAD_LETTERS_H

struct gateway;
struct gateway_dead_letters;

/* Registers its handlers at the gateway's admin server. */
struct gateway_dead_letters *gateway_dead_letters_create(struct gateway *g);
/* After the deliveries, before the store; requests that wait are answered. NULL is fine. */
void gateway_dead_letters_destroy(struct gateway_dead_letters *l);

#endif
