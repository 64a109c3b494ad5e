AM_CPPFLAGS += $(PROTOBUF_C_CFLAGS)
noinst_LIBRARIES += %D%/libschema.a
%C%_libschema_a_SOURCES = \
  %D%/schema.h \
  %D%/schema_registry.c \
  %D%/schema_decode.c
