AM_CPPFLAGS += $(MOSQUITTO_CFLAGS) $(OPENSSL_CFLAGS)
noinst_LIBRARIES += %D%/libmqtt.a
%C%_libmqtt_a_SOURCES = \
  %D%/mqtt_client.c \
  %D%/mqtt_client.h \
  %D%/mqtt_connect_thread.c \
  %D%/mqtt_connect_thread.h \
  %D%/mqtt_goodbye.c \
  %D%/mqtt_goodbye.h \
  %D%/mqtt_guard.c \
  %D%/mqtt_guard.h \
  %D%/mqtt_inflight.c \
  %D%/mqtt_inflight.h \
  %D%/mqtt_link.c \
  %D%/mqtt_link.h \
  %D%/mqtt_packets.h \
  %D%/mqtt_pacing.c \
  %D%/mqtt_pacing.h \
  %D%/mqtt_properties.c \
  %D%/mqtt_properties.h \
  %D%/mqtt_reason.c \
  %D%/mqtt_reason.h \
  %D%/mqtt_settings.c \
  %D%/mqtt_settings.h \
  %D%/mqtt_socket_buffer.c \
  %D%/mqtt_socket_buffer.h \
  %D%/mqtt_status_text.c \
  %D%/mqtt_status_text.h \
  %D%/mqtt_subscriptions.c \
  %D%/mqtt_subscriptions.h \
  %D%/mqtt_tls.c \
  %D%/mqtt_tls.h \
  %D%/mqtt_version_choice.c \
  %D%/mqtt_version_choice.h
