noinst_LIBRARIES += %D%/libdelivery.a
%C%_libdelivery_a_SOURCES = \
  %D%/dead_letter.c %D%/dead_letter.h \
  %D%/dead_letter_internal.h \
  %D%/dead_letter_store.c \
  %D%/dead_letter_index.c %D%/dead_letter_index.h \
  %D%/delivery.c %D%/delivery.h \
  %D%/delivery_internal.h \
  %D%/delivery_counters.c \
  %D%/delivery_former.c %D%/delivery_former.h \
  %D%/delivery_record.c \
  %D%/delivery_retry.c \
  %D%/delivery_batch.c %D%/delivery_batch.h \
  %D%/delivery_sender.c %D%/delivery_sender.h \
  %D%/delivery_settings.c %D%/delivery_settings.h \
  %D%/upstream.c %D%/upstream.h \
  %D%/upstream_mqtt.c %D%/upstream_mqtt.h \
  %D%/upstream_null.c %D%/upstream_null.h \
  %D%/upstream_plugin.c %D%/upstream_plugin.h \
  %D%/upstream_sparkplug.c %D%/upstream_sparkplug.h
