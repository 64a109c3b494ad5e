plugin_PROGRAMS += %D%/http.so
%C%_http_so_SOURCES = \
  %D%/http.c \
  %D%/http_answer.c \
  %D%/http_answer.h \
  %D%/http_batch.c \
  %D%/http_batch.h \
  %D%/http_options.c \
  %D%/http_options.h \
  %D%/http_sender.c \
  %D%/http_sender.h \
  %D%/http_transport.c \
  %D%/http_transport.h
%C%_http_so_CPPFLAGS = $(plugin_cppflags)
%C%_http_so_CFLAGS = $(plugin_cflags) $(CURL_CFLAGS)
# Not to be unloaded: libcurl may have a thread that still resolves a name.
%C%_http_so_LDFLAGS = $(plugin_ldflags) -Wl,-z,nodelete
%C%_http_so_LDADD = $(CURL_LIBS)
EXTRA_DIST += %D%/README.md
