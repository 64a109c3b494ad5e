noinst_LIBRARIES += %D%/libingest.a
%C%_libingest_a_SOURCES = \
  %D%/source_mqtt.c \
  %D%/source_mqtt.h \
  %D%/source_settings.c \
  %D%/source_settings.h \
  %D%/source_state.c \
  %D%/source_state.h \
  %D%/source_subscriptions.c \
  %D%/source_subscriptions.h
