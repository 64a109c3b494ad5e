AM_CPPFLAGS += $(LIBEVENT_CFLAGS)
noinst_LIBRARIES += %D%/libloop.a
%C%_libloop_a_SOURCES = \
  %D%/loop.c \
  %D%/loop.h \
  %D%/loop_timers.c \
  %D%/loop_timers.h
