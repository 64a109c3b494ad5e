noinst_LIBRARIES += %D%/libadmin.a
%C%_libadmin_a_SOURCES = \
  %D%/admin_server.c \
  %D%/admin_server.h
