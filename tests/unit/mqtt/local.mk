# Unit tests of daemon/mqtt, most of them against a stub broker on a loopback socket.
if HAVE_CMOCKA
MQTT_TEST_LIBS = daemon/mqtt/libmqtt.a daemon/loop/libloop.a daemon/metrics/libmetrics.a $(RANK1) \
  $(LIBEVENT_LIBS) $(MOSQUITTO_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
MQTT_FIXTURE = %D%/mqtt_fixture.c %D%/mqtt_fixture.h tests/helpers/stub_broker.c tests/helpers/stub_broker.h
MQTT_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/helpers

check_PROGRAMS += %D%/test_mqtt_gate
TESTS += %D%/test_mqtt_gate
%C%_test_mqtt_gate_SOURCES = %D%/test_mqtt_gate.c $(MQTT_FIXTURE)
%C%_test_mqtt_gate_CPPFLAGS = $(MQTT_TEST_CPPFLAGS)
%C%_test_mqtt_gate_LDADD = $(MQTT_TEST_LIBS)

check_PROGRAMS += %D%/test_mqtt_client
TESTS += %D%/test_mqtt_client
%C%_test_mqtt_client_SOURCES = %D%/test_mqtt_client.c $(MQTT_FIXTURE)
%C%_test_mqtt_client_CPPFLAGS = $(MQTT_TEST_CPPFLAGS)
%C%_test_mqtt_client_LDADD = $(MQTT_TEST_LIBS) -ldl
%C%_test_mqtt_client_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mosquitto_publish_v5,--wrap=mosquitto_new

check_PROGRAMS += %D%/test_mqtt_goodbye
TESTS += %D%/test_mqtt_goodbye
%C%_test_mqtt_goodbye_SOURCES = %D%/test_mqtt_goodbye.c $(MQTT_FIXTURE)
%C%_test_mqtt_goodbye_CPPFLAGS = $(MQTT_TEST_CPPFLAGS)
%C%_test_mqtt_goodbye_LDADD = $(MQTT_TEST_LIBS)

check_PROGRAMS += %D%/test_mqtt_broker
TESTS += %D%/test_mqtt_broker
%C%_test_mqtt_broker_SOURCES = %D%/test_mqtt_broker.c $(MQTT_FIXTURE) \
  tests/helpers/mosquitto_process.c tests/helpers/mosquitto_process.h
%C%_test_mqtt_broker_CPPFLAGS = $(MQTT_TEST_CPPFLAGS)
%C%_test_mqtt_broker_LDADD = $(MQTT_TEST_LIBS)

check_PROGRAMS += %D%/test_mqtt_settings
TESTS += %D%/test_mqtt_settings
%C%_test_mqtt_settings_LDADD = $(MQTT_TEST_LIBS)

check_PROGRAMS += %D%/test_mqtt_pacing
TESTS += %D%/test_mqtt_pacing
%C%_test_mqtt_pacing_LDADD = $(MQTT_TEST_LIBS)
endif
