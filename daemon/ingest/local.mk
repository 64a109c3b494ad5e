noinst_LIBRARIES += %D%/libingest.a
%C%_libingest_a_SOURCES = \
  %D%/source_mqtt.c \
  %D%/source_mqtt.h
