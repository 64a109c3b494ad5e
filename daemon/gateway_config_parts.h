/* SPDX-License-Identifier: Apache-2.0
 *
 * The sections of the document, one function each; private to the files of gateway_config. Rank 6.
 */
#ifndef GATEWAY_CONFIG_PARTS_H
#define GATEWAY_CONFIG_PARTS_H

#include "config_reader.h"

struct topic_template;

/* Each reads its section into cr->config. */
void gateway_config_schemas_read(struct config_reader *cr);
void gateway_config_plugins_read(struct config_reader *cr);
void gateway_config_brokers_read(struct config_reader *cr);
void gateway_config_upstreams_read(struct config_reader *cr);
void gateway_config_routes_read(struct config_reader *cr);
void gateway_config_tests_read(struct config_reader *cr);
/* When everything else is right. */
void gateway_config_warnings_add(struct config_reader *cr);
/* Decode and stages of a route; what decides what they do goes into the fingerprint. */
void gateway_config_pipeline_read(struct config_reader *cr, const struct route_config *route,
                                  const struct yaml_node *n, struct pipeline_settings *out,
                                  uint64_t *fingerprint);
void gateway_config_codecs_read_decode(struct config_reader *cr, const struct route_config *route,
                                       const struct yaml_node *n, const char *label,
                                       struct decode_settings *out, uint64_t *fingerprint);
/* Of the stage `encode`; `n` is what stands behind the name, or NULL. */
bool gateway_config_codecs_read_stage(struct config_reader *cr, const struct yaml_node *n,
                                      const struct yaml_node *at, const struct pipeline_settings *route,
                                      const char *label, struct encode_settings *out, uint64_t *fingerprint);
/* Does this map choose among ways to decode, rather than name one? */
bool gateway_config_choice_is_one(const struct yaml_node *n);
void gateway_config_choice_read(struct config_reader *cr, const struct route_config *route,
                                const struct yaml_node *n, const char *label, struct decode_choice *out,
                                uint64_t *fingerprint);
/* The upstream of kind sparkplug. */
bool gateway_config_sparkplug_read_node(struct config_reader *cr, const struct yaml_node *n,
                                        const struct yaml_node *at, struct upstream_config *u);
/* What stands behind `encode: sparkplug`; `n` may be NULL. */
bool gateway_config_sparkplug_read_encode(struct config_reader *cr, const struct yaml_node *n,
                                          const struct yaml_node *at, struct sparkplug_draft_settings *out);
/* Whether metrics go to edge nodes and nothing else does; completes the settings of those that do. */
bool gateway_config_sparkplug_check_target(struct config_reader *cr, const struct route_config *route,
                                           struct target_config *t, const struct yaml_node *n,
                                           const struct yaml_node *at);
/* Routes with `decode: sparkplug` whose filters cannot give them what they need. */
void gateway_config_sparkplug_warn(struct config_reader *cr);
/* Does every filter of the route give every name that the template uses? Reported at `at`. */
bool gateway_config_routes_check_captures(struct config_reader *cr, const struct route_config *route,
                                          const struct topic_template *t, const struct yaml_node *at);
bool gateway_config_routes_is_same_broker(const struct broker_config *a, const struct broker_config *b);
/* Of a target; false when something was wrong. */
bool gateway_config_codecs_read_encode(struct config_reader *cr, const struct yaml_node *n,
                                       const struct pipeline_settings *route, const char *label,
                                       struct encode_settings *out, uint64_t *fingerprint);

#endif
