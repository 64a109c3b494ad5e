AM_CPPFLAGS += $(MOSQUITTO_CFLAGS) $(OPENSSL_CFLAGS)
noinst_LIBRARIES += %D%/libmqtt.a
%C%_libmqtt_a_SOURCES = \
  %D%/mqtt_client.c \
  %D%/mqtt_client.h \
  %D%/mqtt_settings.c \
  %D%/mqtt_settings.h
