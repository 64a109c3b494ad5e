noinst_LIBRARIES += %D%/libmessage.a
%C%_libmessage_a_SOURCES = \
  %D%/message.h \
  %D%/message_codec.c \
  %D%/message_codec.h \
  %D%/message_json.c \
  %D%/message_json.h \
  %D%/message_sink.h \
  %D%/topic_filter.c \
  %D%/topic_filter.h \
  %D%/topic_template.c \
  %D%/value.c \
  %D%/value.h \
  %D%/value_json.c \
  %D%/value_json_parse.c
