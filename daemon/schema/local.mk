# protobuf-c's own code for descriptor sets, and the well-known types as bytes; both made by the build.
schema_generated = %D%/schema_descriptor.pb-c.h %D%/schema_builtin_set.inc
BUILT_SOURCES += $(schema_generated)
CLEANFILES += $(schema_generated) %D%/schema_descriptor.pb-c.c %D%/schema_builtin_set.tmp
EXTRA_DIST += %D%/schema_descriptor.proto

%D%/schema_descriptor.pb-c.h: %D%/schema_descriptor.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) --proto_path=$(top_srcdir)/%D% --c_out=%D% \
	  $(top_srcdir)/%D%/schema_descriptor.proto
%D%/schema_descriptor.pb-c.c: %D%/schema_descriptor.pb-c.h

%D%/schema_builtin_set.inc:
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC) --include_imports -o %D%/schema_builtin_set.tmp \
	  google/protobuf/any.proto google/protobuf/api.proto google/protobuf/descriptor.proto \
	  google/protobuf/duration.proto google/protobuf/empty.proto google/protobuf/field_mask.proto \
	  google/protobuf/source_context.proto google/protobuf/struct.proto google/protobuf/timestamp.proto \
	  google/protobuf/type.proto google/protobuf/wrappers.proto \
	  && od -An -v -tx1 %D%/schema_builtin_set.tmp | $(SED) 's/ \(..\)/0x\1,/g' > $@ \
	  && rm -f %D%/schema_builtin_set.tmp

# Named apart from BUILT_SOURCES, so that building one archive is enough.
%D%/schema_builtin.$(OBJEXT): %D%/schema_builtin_set.inc
%D%/schema_catalog.$(OBJEXT) %D%/schema_compile.$(OBJEXT) %D%/schema_features.$(OBJEXT) %D%/schema_link.$(OBJEXT) \
  %D%/schema_places.$(OBJEXT) %D%/schema_registry.$(OBJEXT) %D%/schema_set.$(OBJEXT) \
  %D%/schema_descriptor.pb-c.$(OBJEXT): %D%/schema_descriptor.pb-c.h

AM_CPPFLAGS += $(PROTOBUF_C_CFLAGS)
noinst_LIBRARIES += %D%/libschema.a
nodist_%C%_libschema_a_SOURCES = %D%/schema_descriptor.pb-c.c
%C%_libschema_a_SOURCES = \
  %D%/schema.h \
  %D%/schema_builtin.c \
  %D%/schema_builtin.h \
  %D%/schema_catalog.c \
  %D%/schema_catalog.h \
  %D%/schema_compile.c \
  %D%/schema_convert.c \
  %D%/schema_convert.h \
  %D%/schema_decode.c \
  %D%/schema_decode.h \
  %D%/schema_defaults.c \
  %D%/schema_defaults.h \
  %D%/schema_encode.c \
  %D%/schema_encode.h \
  %D%/schema_features.c \
  %D%/schema_features.h \
  %D%/schema_json.c \
  %D%/schema_link.c \
  %D%/schema_link.h \
  %D%/schema_map.c \
  %D%/schema_map.h \
  %D%/schema_normalize.c \
  %D%/schema_order.c \
  %D%/schema_order.h \
  %D%/schema_payload.c \
  %D%/schema_payload.h \
  %D%/schema_places.c \
  %D%/schema_places.h \
  %D%/schema_protoc.c \
  %D%/schema_protoc.h \
  %D%/schema_registry.c \
  %D%/schema_set.c \
  %D%/schema_set.h \
  %D%/schema_type.c \
  %D%/schema_type.h \
  %D%/schema_unknown.c \
  %D%/schema_unknown.h \
  %D%/schema_unwrap.c \
  %D%/schema_unwrap.h \
  %D%/schema_value.c \
  %D%/schema_wellknown.c \
  %D%/schema_wellknown.h \
  %D%/schema_wire.c \
  %D%/schema_wire.h \
  %D%/schema_writer.c \
  %D%/schema_writer.h
