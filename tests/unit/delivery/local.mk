# Unit tests of daemon/delivery; one program for each file.
if HAVE_CMOCKA
check_PROGRAMS += %D%/test_dead_letter_index %D%/test_delivery_sender %D%/test_upstream_plugin %D%/test_upstream_mqtt
TESTS += %D%/test_dead_letter_index %D%/test_delivery_sender %D%/test_upstream_plugin %D%/test_upstream_mqtt
%C%_test_dead_letter_index_LDADD = $(RANK5) $(CMOCKA_LIBS)
%C%_test_delivery_sender_LDADD = $(RANK5) $(CMOCKA_LIBS)
%C%_test_upstream_plugin_LDADD = $(RANK5) $(CMOCKA_LIBS)
%C%_test_upstream_mqtt_SOURCES = %D%/test_upstream_mqtt.c tests/helpers/stub_broker.c tests/helpers/stub_broker.h
%C%_test_upstream_mqtt_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/helpers
%C%_test_upstream_mqtt_LDADD = $(RANK5) $(CMOCKA_LIBS)

check_PROGRAMS += %D%/test_upstream_sparkplug
TESTS += %D%/test_upstream_sparkplug
%C%_test_upstream_sparkplug_SOURCES = %D%/test_upstream_sparkplug.c tests/helpers/stub_broker.c \
  tests/helpers/stub_broker.h
%C%_test_upstream_sparkplug_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/helpers
%C%_test_upstream_sparkplug_LDADD = $(RANK5) $(CMOCKA_LIBS)
endif
