# protobuf-c's own code for Sparkplug's payload, made by the build.
sparkplug_generated = %D%/sparkplug_b.pb-c.h
BUILT_SOURCES += $(sparkplug_generated)
CLEANFILES += $(sparkplug_generated) %D%/sparkplug_b.pb-c.c
EXTRA_DIST += %D%/sparkplug_b.proto

%D%/sparkplug_b.pb-c.h: %D%/sparkplug_b.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) --proto_path=$(top_srcdir)/%D% \
	  --proto_path=$(PROTOBUF_C_INCLUDEDIR) --c_out=%D% $(top_srcdir)/%D%/sparkplug_b.proto
%D%/sparkplug_b.pb-c.c: %D%/sparkplug_b.pb-c.h

# Named apart from BUILT_SOURCES, so that building one archive is enough.
%D%/sparkplug_birth.$(OBJEXT) %D%/sparkplug_draft.$(OBJEXT) %D%/sparkplug_edge.$(OBJEXT) %D%/sparkplug_host.$(OBJEXT) \
  %D%/sparkplug_metric.$(OBJEXT) %D%/sparkplug_output.$(OBJEXT) %D%/sparkplug_payload.$(OBJEXT) \
  %D%/sparkplug_stage.$(OBJEXT) %D%/sparkplug_unpacker.$(OBJEXT) %D%/sparkplug_wire.$(OBJEXT) \
  %D%/sparkplug_b.pb-c.$(OBJEXT): %D%/sparkplug_b.pb-c.h

AM_CPPFLAGS += $(ZLIB_CFLAGS)
noinst_LIBRARIES += %D%/libsparkplug.a
nodist_%C%_libsparkplug_a_SOURCES = %D%/sparkplug_b.pb-c.c
%C%_libsparkplug_a_SOURCES = \
  %D%/sparkplug_array.c \
  %D%/sparkplug_array.h \
  %D%/sparkplug_birth.c \
  %D%/sparkplug_birth.h \
  %D%/sparkplug_draft.c \
  %D%/sparkplug_draft.h \
  %D%/sparkplug_edge.c \
  %D%/sparkplug_edge.h \
  %D%/sparkplug_host.c \
  %D%/sparkplug_host.h \
  %D%/sparkplug_inflate.h \
  %D%/sparkplug_metric.c \
  %D%/sparkplug_metric.h \
  %D%/sparkplug_node.c \
  %D%/sparkplug_node.h \
  %D%/sparkplug_number.c \
  %D%/sparkplug_number.h \
  %D%/sparkplug_output.c \
  %D%/sparkplug_output.h \
  %D%/sparkplug_payload.c \
  %D%/sparkplug_payload.h \
  %D%/sparkplug_settings.c \
  %D%/sparkplug_settings.h \
  %D%/sparkplug_stage.c \
  %D%/sparkplug_stage.h \
  %D%/sparkplug_stage_options.c \
  %D%/sparkplug_stage_options.h \
  %D%/sparkplug_state.c \
  %D%/sparkplug_state.h \
  %D%/sparkplug_topic.c \
  %D%/sparkplug_topic.h \
  %D%/sparkplug_tree.c \
  %D%/sparkplug_tree.h \
  %D%/sparkplug_type.c \
  %D%/sparkplug_type.h \
  %D%/sparkplug_unpacker.c \
  %D%/sparkplug_unpacker.h \
  %D%/sparkplug_wire.c \
  %D%/sparkplug_wire.h
if HAVE_ZLIB
%C%_libsparkplug_a_SOURCES += %D%/sparkplug_inflate.c
else
%C%_libsparkplug_a_SOURCES += %D%/sparkplug_inflate_none.c
endif
