# Unit tests of daemon/ingest.
if HAVE_CMOCKA
INGEST_TEST_LIBS = daemon/ingest/libingest.a daemon/sparkplug/libsparkplug.a daemon/mqtt/libmqtt.a daemon/loop/libloop.a \
  daemon/metrics/libmetrics.a $(RANK1) $(LIBEVENT_LIBS) $(MOSQUITTO_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_source_mqtt
TESTS += %D%/test_source_mqtt
%C%_test_source_mqtt_SOURCES = %D%/test_source_mqtt.c tests/helpers/stub_broker.c tests/helpers/stub_broker.h
%C%_test_source_mqtt_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/helpers
%C%_test_source_mqtt_LDADD = $(INGEST_TEST_LIBS)

check_PROGRAMS += %D%/test_source_subscriptions
TESTS += %D%/test_source_subscriptions
%C%_test_source_subscriptions_LDADD = $(INGEST_TEST_LIBS)
endif
