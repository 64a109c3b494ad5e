# Folders in the order of their rank (daemon/LAYERS); the link line below is the picture of the layers.
include %D%/base/local.mk
include %D%/loop/local.mk
include %D%/metrics/local.mk
include %D%/message/local.mk
include %D%/config/local.mk
include %D%/schema/local.mk
include %D%/sparkplug/local.mk
include %D%/journal/local.mk
include %D%/mqtt/local.mk
include %D%/plugin/local.mk
include %D%/admin/local.mk
include %D%/ingest/local.mk
include %D%/pipeline/local.mk
include %D%/delivery/local.mk

# Archives up to each rank, highest first, and the libraries they need; unit tests link the rank of what they test.
RANK1 = daemon/base/libbase.a -lm
RANK2 = daemon/loop/libloop.a daemon/metrics/libmetrics.a daemon/message/libmessage.a daemon/config/libconfig.a \
  $(RANK1) $(LIBEVENT_LIBS) $(YAML_LIBS)
RANK3 = daemon/schema/libschema.a daemon/sparkplug/libsparkplug.a daemon/journal/libjournal.a daemon/mqtt/libmqtt.a \
  daemon/plugin/libplugin.a daemon/admin/libadmin.a $(RANK2) $(PROTOBUF_C_LIBS) $(MOSQUITTO_LIBS) $(OPENSSL_LIBS) \
  $(ZLIB_LIBS) -ldl
RANK4 = daemon/ingest/libingest.a daemon/pipeline/libpipeline.a $(RANK3)
RANK5 = daemon/delivery/libdelivery.a $(RANK4)

EXTRA_DIST += %D%/LAYERS %D%/README.md

# The gateway: the files that know everybody. main.c stands alone, so that tests link the rest.
noinst_LIBRARIES += %D%/libgateway.a
%C%_libgateway_a_SOURCES = \
  %D%/config_reader.c %D%/config_reader.h \
  %D%/dead_letter_walk.c %D%/dead_letter_walk.h \
  %D%/gateway.c %D%/gateway.h %D%/gateway_parts.h \
  %D%/gateway_config.c %D%/gateway_config.h %D%/gateway_config_parts.h \
  %D%/gateway_config_choice.c %D%/gateway_config_codecs.c \
  %D%/gateway_config_connections.c \
  %D%/gateway_config_pipeline.c \
  %D%/gateway_config_plugins.c \
  %D%/gateway_config_routes.c \
  %D%/gateway_config_schemas.c \
  %D%/gateway_config_sparkplug.c \
  %D%/gateway_config_tests.c \
  %D%/gateway_config_warnings.c \
  %D%/gateway_document.c %D%/gateway_document.h \
  %D%/gateway_dead_letters.c %D%/gateway_dead_letters.h %D%/gateway_dead_letters_parts.h \
  %D%/gateway_dead_letters_retry.c \
  %D%/gateway_fingerprint.c %D%/gateway_fingerprint.h \
  %D%/generation.c %D%/generation.h \
  %D%/gateway_identity.c %D%/gateway_identity.h \
  %D%/gateway_last_good.c %D%/gateway_last_good.h \
  %D%/gateway_schema_sets.c %D%/gateway_schema_sets.h \
  %D%/gateway_reload.c %D%/gateway_reload.h \
  %D%/gateway_states.c %D%/gateway_states.h \
  %D%/gateway_status.c %D%/gateway_status.h \
  %D%/service_manager.c %D%/service_manager.h
RANK6 = daemon/libgateway.a $(RANK5)

sbin_PROGRAMS += %D%/forebayd
%C%_forebayd_SOURCES = %D%/main.c
%C%_forebayd_LDADD = $(RANK6)

include %D%/cli/local.mk
