# Folders in the order of their rank (daemon/LAYERS); the link line below is the picture of the layers.
include %D%/base/local.mk
include %D%/loop/local.mk
include %D%/metrics/local.mk
include %D%/message/local.mk
include %D%/config/local.mk
include %D%/schema/local.mk
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
RANK3 = daemon/schema/libschema.a daemon/journal/libjournal.a daemon/mqtt/libmqtt.a daemon/plugin/libplugin.a \
  daemon/admin/libadmin.a $(RANK2) $(PROTOBUF_C_LIBS) $(MOSQUITTO_LIBS) $(OPENSSL_LIBS) -ldl
RANK4 = daemon/ingest/libingest.a daemon/pipeline/libpipeline.a daemon/delivery/libdelivery.a $(RANK3)

EXTRA_DIST += %D%/LAYERS %D%/README.md
