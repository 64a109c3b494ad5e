noinst_LIBRARIES += %D%/libadmin.a
%C%_libadmin_a_SOURCES = \
  %D%/admin_connection.c \
  %D%/admin_connection.h \
  %D%/admin_listener.c \
  %D%/admin_listener.h \
  %D%/admin_request.c \
  %D%/admin_server.c \
  %D%/admin_server.h \
  %D%/http_request.c \
  %D%/http_request.h
